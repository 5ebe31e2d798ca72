#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

LossTerms cispo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto ratio_S = log_ratios(in).exp().detach();
  const auto weight_S = ratio_S.clamp(1.0 - config.clip_ratio_low, 1.0 + config.clip_ratio_high);
  return with_clip_report(-(weight_S * in.advantages * in.logprobs), ratio_S, in.advantages,
                          config);
}

}  // namespace gradus::rl
