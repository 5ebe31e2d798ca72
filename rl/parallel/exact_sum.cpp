#include "rl/parallel/exact_sum.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace gradus::rl {
namespace {

__extension__ using Wide = __int128;

constexpr int kLowBits = 48;        // so that low parts of 2^15 ranks fit into 64 bits
constexpr int kQuantum = 80;        // values are multiples of 2^-80
constexpr int kExponentBias = 150;  // of a float whose mantissa is read as a whole number
constexpr int kMantissaBits = 23;
constexpr float kTooLarge = 16777216.0F;  // 2^24
constexpr int64_t kExactBucket = int64_t{1} << 20;

/// The value in quanta, to the nearest one (half away from 0).
Wide quanta_of(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const int exponent = static_cast<int>((bits >> kMantissaBits) & 0xFFU);
  const uint32_t fraction = bits & 0x7FFFFFU;
  const Wide mantissa = exponent == 0 ? fraction : fraction | 0x800000U;
  const int shift = std::max(exponent, 1) - kExponentBias + kQuantum;
  Wide quanta = 0;
  if (shift >= 0)
    quanta = mantissa << shift;
  else if (-shift <= kMantissaBits + 1)
    quanta = (mantissa + (Wide{1} << (-shift - 1))) >> -shift;
  return (bits >> 31U) != 0 ? -quanta : quanta;
}

void add_to(int64_t* limbs, Wide quanta) {
  const Wide sum = (static_cast<Wide>(limbs[1]) << kLowBits) + limbs[0] + quanta;
  limbs[1] = static_cast<int64_t>(sum >> kLowBits);
  limbs[0] = static_cast<int64_t>(sum - (static_cast<Wide>(limbs[1]) << kLowBits));
}

float value_of(int64_t low, int64_t high) {
  const Wide quanta = (static_cast<Wide>(high) << kLowBits) + low;
  return std::ldexp(static_cast<float>(quanta), -kQuantum);
}

}  // namespace

ExactSum::ExactSum(std::vector<policy::Parameter>& parameters, int64_t num_leaves,
                   Communicator& ranks)
    : parameters_(parameters), num_leaves_(num_leaves), ranks_(ranks), next_(own().begin) {
  int64_t total = 0;
  for (const auto& parameter : parameters_) total += parameter.grad.numel();
  limbs_ = at::zeros({total, 2}, at::kLong);
  sums_ = at::empty({total}, at::kFloat);
  spoilt_ = at::zeros({static_cast<int64_t>(parameters_.size())}, at::kLong);
}

void ExactSum::end_leaf() {
  const at::NoGradGuard no_grad;
  int64_t* limbs = limbs_.mutable_data_ptr<int64_t>();
  for (size_t i = 0; i < parameters_.size(); ++i) {
    const at::Tensor host = parameters_[i].grad.cpu().contiguous();
    const float* values = host.const_data_ptr<float>();
    for (int64_t k = 0; k < host.numel(); ++k, limbs += 2) {
      if (std::fabs(values[k]) < kTooLarge)
        add_to(limbs, quanta_of(values[k]));
      else
        spoilt_.mutable_data_ptr<int64_t>()[i] = 1;
    }
    parameters_[i].grad.zero_();
  }
  ++next_;
}

void ExactSum::sum() {
  const at::NoGradGuard no_grad;
  const int64_t total = sums_.numel();
  for (int64_t begin = 0; begin < total; begin += kExactBucket)
    sum_range(begin, std::min(total, begin + kExactBucket));
  int64_t first = 0;
  for (auto& parameter : parameters_) {
    const int64_t count = parameter.grad.numel();
    parameter.grad.view({-1}).copy_(sums_.narrow(0, first, count));
    first += count;
  }
  mark_spoilt();
}

/// Each rank adds up its part of the range, and all get all parts.
void ExactSum::sum_range(int64_t begin, int64_t end) {
  const int64_t R = ranks_.size();
  const LeafRange mine = part_of(end - begin, ranks_.rank(), R);
  std::vector<int64_t> to;
  for (int64_t r = 0; r < R; ++r) to.push_back(2 * part_of(end - begin, r, R).size());
  const std::vector<int64_t> from(static_cast<size_t>(R), 2 * mine.size());
  const at::Tensor given = limbs_.narrow(0, begin, end - begin).contiguous().view({-1});
  at::Tensor received = at::empty({R * 2 * mine.size()}, at::kLong);
  ranks_.all_to_all(received, from, given, to);
  const int64_t widest = (end - begin + R - 1) / R;
  at::Tensor own_sums = at::zeros({widest}, at::kFloat);
  float* out = own_sums.mutable_data_ptr<float>();
  const int64_t* in = received.const_data_ptr<int64_t>();
  for (int64_t k = 0; k < mine.size(); ++k) {
    int64_t low = 0;
    int64_t high = 0;
    for (int64_t r = 0; r < R; ++r) {
      low += in[2 * (r * mine.size() + k)];
      high += in[2 * (r * mine.size() + k) + 1];
    }
    out[k] = value_of(low, high);
  }
  at::Tensor all = at::empty({R, widest}, at::kFloat);
  ranks_.all_gather(all, own_sums);
  for (int64_t r = 0; r < R; ++r) {
    const LeafRange part = part_of(end - begin, r, R);
    sums_.narrow(0, begin + part.begin, part.size())
        .copy_(all.select(0, r).narrow(0, 0, part.size()));
  }
}

void ExactSum::mark_spoilt() {
  ranks_.all_reduce(spoilt_, ReduceOp::max);
  for (size_t i = 0; i < parameters_.size(); ++i)
    if (spoilt_.const_data_ptr<int64_t>()[i] != 0)
      parameters_[i].grad.fill_(std::numeric_limits<float>::quiet_NaN());
}

}  // namespace gradus::rl
