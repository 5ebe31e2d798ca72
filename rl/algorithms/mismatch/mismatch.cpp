#include "rl/algorithms/mismatch/mismatch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/ones_like.h>

#include <algorithm>
#include <cmath>

#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
at::Tensor truncated(const at::Tensor& rho, const MismatchConfig& config) {
  return rho.clamp(config.min, config.max);
}

at::Tensor masked(const at::Tensor& rho, const MismatchConfig& config) {
  return rho.masked_fill((rho < config.min) | (rho > config.max), 0.0);
}

at::Tensor token_ratio(const at::Tensor& log_rho) {
  return log_rho.clamp(-kMaxLogRatio, kMaxLogRatio).exp();
}

at::Tensor sequence_ratio(const at::Tensor& log_rho, const LossInputs& in) {
  const auto sum_N = sequence_sum(log_rho, in.sequence, in.num_sequences);
  return token_ratio(sum_N).index_select(0, in.sequence);
}

at::Tensor mismatch_weights(const LossInputs& in, const at::Tensor& rollout_logprobs,
                            const MismatchConfig& config) {
  const auto old_S = in.old_logprobs.detach();
  if (!config.is_used()) return at::ones_like(old_S);
  const auto unknown_S = ~in.is_live | rollout_logprobs.isnan();
  const auto log_rho_S = (old_S - rollout_logprobs).masked_fill(unknown_S, 0.0);
  return mismatch_corrections().at(config.mode).weights(log_rho_S, in, config);
}

void SamplerComparison::add(const at::Tensor& trainer, const at::Tensor& rollout) {
  const auto trainer_S = trainer.contiguous();
  const auto rollout_S = rollout.contiguous();
  const float* ours = trainer_S.const_data_ptr<float>();
  const float* theirs = rollout_S.const_data_ptr<float>();
  for (int64_t s = 0; s < trainer_S.numel(); ++s) {
    if (std::isnan(theirs[s])) continue;
    const double d = static_cast<double>(ours[s]) - static_cast<double>(theirs[s]);
    const double ratio = std::exp(d);
    min_ratio_ = num_tokens_ == 0 ? ratio : std::min(min_ratio_, ratio);
    max_ratio_ = std::max(max_ratio_, ratio);
    max_difference_ = std::max(max_difference_, std::abs(d));
    sum_difference_ += std::abs(d);
    sum_k3_ += std::expm1(d) - d;
    sum_ratio_ += ratio;
    sum_squared_ratio_ += ratio * ratio;
    num_exact_ += d == 0.0 ? 1 : 0;
    ++num_tokens_;
  }
}

void SamplerComparison::report(Metrics& metrics) const {
  if (num_tokens_ == 0) return;
  const auto n = static_cast<double>(num_tokens_);
  metrics.set_mean("sampling/logp_difference/mean", sum_difference_, n);
  metrics["sampling/logp_difference/max"] = max_difference_;
  metrics.set_mean("sampling/k3", sum_k3_, n);
  metrics["sampling/importance_ratio/min"] = min_ratio_;
  metrics.set_mean("sampling/importance_ratio/mean", sum_ratio_, n);
  metrics["sampling/importance_ratio/max"] = max_ratio_;
  metrics["sampling/ess"] = sum_ratio_ * sum_ratio_ / (n * sum_squared_ratio_);
  metrics.set_mean("sampling/exact_share", static_cast<double>(num_exact_), n);
}

}  // namespace gradus::rl
