#include "policy/kernels/optimizer/adamw.h"

#include <atomic>
#include <cmath>
#include <numeric>
#include <vector>

#include "policy/kernels/kernel_table.h"

namespace gradus::policy::kernels {
namespace {

// Part of a long array that one member takes; sums are made per part, then over the parts in order.
constexpr int64_t kPart = 1 << 15;

/// fn(begin, length, part)
template <class Fn>
void each_part(ThreadTeam& team, int64_t n, Fn fn) {
  team.for_range((n + kPart - 1) / kPart, 1, [&](int64_t first, int64_t last) {
    for (int64_t part = first; part < last; ++part) {
      const int64_t begin = part * kPart;
      fn(begin, n - begin < kPart ? n - begin : kPart, part);
    }
  });
}

}  // namespace

AdamWFactors adamw_factors(const AdamWStep& step) {
  const auto t = static_cast<double>(step.step);
  const double beta1 = step.beta1;
  const double beta2 = step.beta2;
  AdamWFactors factors{};
  factors.grad_scale = step.grad_scale;
  factors.beta1 = step.beta1;
  factors.beta2 = step.beta2;
  factors.one_minus_beta1 = static_cast<float>(1.0 - beta1);
  factors.one_minus_beta2 = static_cast<float>(1.0 - beta2);
  factors.decay = step.lr * step.weight_decay;
  factors.step_size = static_cast<float>(step.lr / (1.0 - std::pow(beta1, t)));
  factors.inv_root_correction2 = static_cast<float>(1.0 / std::sqrt(1.0 - std::pow(beta2, t)));
  factors.eps = step.eps;
  return factors;
}

void adamw_step(ThreadTeam& team, float* param, const float* grad, float* m, float* v, int64_t n,
                const AdamWStep& step) {
  const AdamWFactors factors = adamw_factors(step);
  each_part(team, n, [&](int64_t begin, int64_t length, int64_t) {
    kernels().adamw(param + begin, grad + begin, m + begin, v + begin, length, factors);
  });
}

double sum_squares(ThreadTeam& team, const float* values, int64_t n) {
  std::vector<double> sums(static_cast<size_t>((n + kPart - 1) / kPart));
  each_part(team, n, [&](int64_t begin, int64_t length, int64_t part) {
    sums[static_cast<size_t>(part)] = kernels().sum_squares(values + begin, length);
  });
  return std::accumulate(sums.begin(), sums.end(), 0.0);
}

bool all_finite(ThreadTeam& team, const float* values, int64_t n) {
  std::atomic<bool> finite{true};
  each_part(team, n, [&](int64_t begin, int64_t length, int64_t) {
    if (!finite.load(std::memory_order_relaxed)) return;
    if (!kernels().all_finite(values + begin, length))
      finite.store(false, std::memory_order_relaxed);
  });
  return finite.load(std::memory_order_relaxed);
}

void to_bf16(ThreadTeam& team, const float* x, uint16_t* y, int64_t n) {
  each_part(team, n, [&](int64_t begin, int64_t length, int64_t) {
    kernels().convert(x + begin, Type::f32, y + begin, Type::bf16, length);
  });
}

void to_f32(ThreadTeam& team, const uint16_t* x, float* y, int64_t n) {
  each_part(team, n, [&](int64_t begin, int64_t length, int64_t) {
    kernels().convert(x + begin, Type::bf16, y + begin, Type::f32, length);
  });
}

}  // namespace gradus::policy::kernels
