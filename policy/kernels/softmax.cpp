#include "policy/kernels/softmax.h"

#include <cmath>
#include <string>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"

namespace gradus::policy::kernels {
namespace {

double log_sum(const LogitStats& stats) {
  return std::log(static_cast<double>(stats.sum));
}

SoftmaxStats finish(const LogitStats& stats, float inverse_temperature) {
  const double top = static_cast<double>(inverse_temperature) * stats.max;
  return {stats.max, static_cast<float>(top + log_sum(stats))};
}

void check(const char* where, ConstMatrix logits, std::span<const int64_t> targets) {
  if (logits.type != Type::f32 || std::ssize(targets) != logits.rows) {
    throw ArgumentError(std::string(where) + ": " + std::to_string(logits.rows) +
                        " rows of logits (float32) do not fit " + std::to_string(targets.size()) +
                        " targets");
  }
  for (int64_t target : targets) {
    if (target >= 0 && target < logits.cols) continue;
    throw ArgumentError(std::string(where) + ": target " + std::to_string(target) +
                        " is outside of the vocabulary of " + std::to_string(logits.cols));
  }
}

}  // namespace

SoftmaxStats softmax_stats(const float* logits, int64_t n, float inverse_temperature) {
  return finish(kernels().logit_stats(logits, n, inverse_temperature, false), inverse_temperature);
}

int64_t sample_index(const float* logits, int64_t n, float inverse_temperature, float log_sum_exp,
                     float u) {
  return kernels().sample(logits, n, inverse_temperature, log_sum_exp, u);
}

void target_logprobs(ThreadTeam& team, ConstMatrix logits, std::span<const int64_t> targets,
                     float inverse_temperature, float* logprobs, float* entropies,
                     float* log_sum_exp) {
  check("target_logprobs", logits, targets);
  team.for_range(logits.rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float* z = float_row(logits, r);
      const LogitStats stats =
          kernels().logit_stats(z, logits.cols, inverse_temperature, entropies != nullptr);
      log_sum_exp[r] = finish(stats, inverse_temperature).log_sum_exp;
      logprobs[r] = inverse_temperature * z[targets[r]] - log_sum_exp[r];
      if (entropies == nullptr) continue;
      // H = -sum p (b z - lse), with both terms measured from the largest logit.
      entropies[r] =
          static_cast<float>(log_sum(stats) - static_cast<double>(stats.shifted) / stats.sum);
    }
  });
}

void target_logprobs_backward(ThreadTeam& team, ConstMatrix logits,
                              std::span<const int64_t> targets, float inverse_temperature,
                              const float* log_sum_exp, const float* entropies,
                              const float* dlogprobs, const float* dentropies, Matrix dlogits) {
  check("target_logprobs_backward", logits, targets);
  if (dlogits.rows != logits.rows || dlogits.cols != logits.cols) {
    throw ArgumentError("target_logprobs_backward: dlogits and logits differ in shape");
  }
  const bool has_entropy = entropies != nullptr && dentropies != nullptr;
  team.for_range(logits.rows, 1, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      auto* out =
          static_cast<std::byte*>(dlogits.data) + r * dlogits.stride * bytes_of(dlogits.type);
      kernels().logit_grad({float_row(logits, r), logits.cols, targets[r], inverse_temperature,
                            log_sum_exp[r], has_entropy ? entropies[r] : 0.0F, dlogprobs[r],
                            has_entropy ? dentropies[r] : 0.0F, out, dlogits.type});
    }
  });
}

}  // namespace gradus::policy::kernels
