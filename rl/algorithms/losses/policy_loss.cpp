#include "rl/algorithms/losses/policy_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {

at::Tensor held(const at::Tensor& values, double bound) {
  return bound > 0.0 ? values.clamp(-bound, bound) : values;
}

at::Tensor log_ratios(const LossInputs& in, const AlgorithmConfig& config) {
  // Masked before exp: a token that is not live may be far off, and inf * 0 is nan.
  const auto difference_S = (in.logprobs - in.old_logprobs).masked_fill(~in.is_live, 0.0);
  return held(difference_S, config.max_log_ratio);
}

at::Tensor sampler_logprobs(const LossInputs& in) {
  if (!in.rollout_logprobs.defined()) return in.old_logprobs.detach();
  return at::where(in.rollout_logprobs.isnan(), in.old_logprobs, in.rollout_logprobs).detach();
}

at::Tensor sequence_means(const at::Tensor& values, const LossInputs& in) {
  const auto count_N =
      sequence_sum(in.is_live.to(values.scalar_type()), in.sequence, in.num_sequences)
          .clamp_min(1.0);
  const auto live_S = values.masked_fill(~in.is_live, 0.0);
  const auto mean_N = sequence_sum(live_S, in.sequence, in.num_sequences) / count_N;
  return mean_N.index_select(0, in.sequence);
}

LossTerms with_clip_report(at::Tensor loss, const at::Tensor& ratio, const at::Tensor& advantages,
                           const AlgorithmConfig& config) {
  const auto ratio_S = ratio.detach();
  return {std::move(loss), (ratio_S < 1.0 - config.clip_ratio_low) & (advantages < 0.0),
          (ratio_S > 1.0 + config.clip_ratio_high) & (advantages > 0.0)};
}

LossTerms without_clipping(at::Tensor loss) {
  const auto nothing_S = at::zeros_like(loss, loss.options().dtype(at::kBool).requires_grad(false));
  return {std::move(loss), nothing_S, nothing_S};
}

LossTerms dropping(LossTerms terms, const at::Tensor& is_dropped) {
  terms.loss = terms.loss.masked_fill(is_dropped, 0.0);
  terms.is_dropped = is_dropped;
  return terms;
}

}  // namespace gradus::rl
