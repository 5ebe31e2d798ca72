#include "rl/algorithms/losses/policy_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/zeros_like.h>

#include <utility>

namespace gradus::rl {
at::Tensor log_ratios(const LossInputs& in) {
  // Masked before exp: a token that is not live may be far off, and inf * 0 is nan.
  const auto difference_S = (in.logprobs - in.old_logprobs).masked_fill(~in.is_live, 0.0);
  return difference_S.clamp(-kMaxLogRatio, kMaxLogRatio);
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

}  // namespace gradus::rl
