#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/where.h>

#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

LossTerms clipped_loss(const at::Tensor& ratio_S, const at::Tensor& advantages_S,
                       const AlgorithmConfig& config) {
  const auto bounded_S = config.delta > 0.0 ? ratio_S.clamp_max(config.delta) : ratio_S;
  const auto clipped_S = ratio_S.clamp(1.0 - config.clip_ratio_low, 1.0 + config.clip_ratio_high);
  auto loss_S = -at::minimum(bounded_S * advantages_S, clipped_S * advantages_S);
  if (config.dual_clip > 0.0) {
    const auto bound_S = advantages_S * -config.dual_clip;
    loss_S = at::where(advantages_S < 0.0, at::minimum(loss_S, bound_S), loss_S);
  }
  return with_clip_report(loss_S, ratio_S, advantages_S, config);
}

/// PPO's clipped loss with GRPO's advantages (arXiv:2402.03300), r = exp(lp - lp_old):
///   L = -min(r A, clip(r, 1 - low, 1 + high) A)
/// `delta` > 0 holds the first r below delta (INTELLECT-2, arXiv:2505.07291); `dual_clip` c > 0
/// holds L below -c A where A < 0 (arXiv:1912.09729).
LossTerms clipped_token_loss(const LossInputs& in, const AlgorithmConfig& config) {
  return clipped_loss(log_ratios(in, config).exp(), in.advantages, config);
}

extern const PolicyLoss kGrpo;
const PolicyLoss kGrpo{"grpo", "PPO's clip with GRPO's advantages", nullptr, clipped_token_loss};

}  // namespace gradus::rl
