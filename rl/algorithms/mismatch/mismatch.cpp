#include "rl/algorithms/mismatch/mismatch.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/sum.h>

#include <algorithm>
#include <cmath>

#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {

RecordSettings default_mismatch_settings() {
  return RecordSettings::defaults(mismatch_corrections());
}

at::Tensor truncated(const at::Tensor& rho, const MismatchConfig& config) {
  return rho.clamp(config.min, config.max);
}

at::Tensor masked(const at::Tensor& rho, const MismatchConfig& config) {
  return without(rho, (rho < config.min) | (rho > config.max));
}

at::Tensor token_ratio(const at::Tensor& log_rho, const MismatchConfig& config) {
  return held(log_rho, config.max_log_ratio).exp();
}

at::Tensor sequence_ratio(const at::Tensor& log_rho, const LossInputs& in,
                          const MismatchConfig& config) {
  const auto sum_N = sequence_sum(log_rho, in.sequence, in.num_sequences);
  return token_ratio(sum_N, config).index_select(0, in.sequence);
}

at::Tensor mean_ratio(const at::Tensor& log_rho, const LossInputs& in,
                      const MismatchConfig& config) {
  return token_ratio(sequence_means(log_rho, in), config);
}

at::Tensor without(const at::Tensor& values, const at::Tensor& is_flagged) {
  return values.masked_fill(is_flagged, 0.0);
}

at::Tensor anywhere_in_sequence(const at::Tensor& is_flagged, const LossInputs& in) {
  const auto count_N =
      sequence_sum((is_flagged & in.is_live).to(at::kDouble), in.sequence, in.num_sequences);
  return count_N.index_select(0, in.sequence) > 0.0;
}

namespace {

/// Mean of the weights over live tokens, or over completions that have any.
at::Tensor mean_weight(const at::Tensor& weights_S, const LossInputs& in, bool is_of_sequences) {
  const auto live_S = in.is_live.to(at::kDouble);
  auto share_S = live_S;
  if (is_of_sequences)
    share_S = live_S / sequence_sum(live_S, in.sequence, in.num_sequences)
                           .clamp_min(1.0)
                           .index_select(0, in.sequence);
  return (weights_S.to(at::kDouble) * share_S).sum() / share_S.sum();
}

}  // namespace

at::Tensor mismatch_weights(const LossInputs& in, const at::Tensor& rollout_logprobs,
                            const MismatchConfig& config) {
  const auto old_S = in.old_logprobs.detach();
  if (!config.is_used()) return at::ones_like(old_S);
  const auto unknown_S = ~in.is_live | rollout_logprobs.isnan();
  const auto log_rho_S = (old_S - rollout_logprobs).masked_fill(unknown_S, 0.0);
  const MismatchCorrection& correction = mismatch_corrections().at(config.mode);
  const auto weights_S = correction.weights(log_rho_S, in, config);
  if (!config.batch_normalize) return weights_S;
  const double mean = mean_weight(weights_S, in, correction.is_of_sequences).item<double>();
  return mean > 0.0 ? weights_S / mean : weights_S;
}

void SamplerComparison::add(const at::Tensor& trainer, const at::Tensor& rollout) {
  const auto trainer_S = trainer.to(at::kDouble).contiguous();
  const auto rollout_S = rollout.to(at::kDouble).contiguous();
  const double* ours = trainer_S.const_data_ptr<double>();
  const double* theirs = rollout_S.const_data_ptr<double>();
  for (int64_t s = 0; s < trainer_S.numel(); ++s) {
    if (std::isnan(theirs[s])) continue;
    const double d = ours[s] - theirs[s];
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
