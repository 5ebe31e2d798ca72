#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

namespace {

/// Clipped importance sampling (MiniMax-M1, arXiv:2506.13585):
///   L = -sg(clip(r, 1 - low, 1 + high)) A lp
/// As verl; TRL's epsilon_high is 1 + clip_ratio_high here. clip_ratio_low >= 1: no lower bound.
LossTerms cispo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto ratio_S = log_ratios(in, config).exp().detach();
  const auto weight_S = ratio_S.clamp(1.0 - config.clip_ratio_low, 1.0 + config.clip_ratio_high);
  return with_clip_report(-(weight_S * in.advantages * in.logprobs), ratio_S, in.advantages,
                          config);
}

}  // namespace

extern const PolicyLoss kCispo;
const PolicyLoss kCispo{"cispo", "clipped importance weights", nullptr, cispo_loss};

}  // namespace gradus::rl
