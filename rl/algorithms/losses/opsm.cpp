#include <ATen/TensorOperators.h>
#include <ATen/ops/isnan.h>

#include "rl/algorithms/losses/clipped_loss.h"

namespace gradus::rl {
namespace {

/// Settings `rl.opsm.*`.
struct OpsmSettings {
  double delta_kl = 0.5;
};

void describe(OpsmSettings& c, SettingFields& field) {
  field("delta_kl", c.delta_kl, at_least(0.0),
        "mean of lp_rollout - lp beyond which a completion with A < 0 is dropped");
}

/// Off-policy sequence masking (DeepSeek-V3.2, arXiv:2512.02556, equation 9): GRPO's loss without
/// the tokens of negative advantage in completions that have drifted away from the sampler.
LossTerms opsm_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const double delta = config.losses.of<OpsmSettings>("opsm").delta_kl;
  auto drift_S = in.logprobs.detach() * 0.0;
  if (in.rollout_logprobs.defined()) {
    const auto unknown_S = in.rollout_logprobs.isnan() | ~in.is_live;
    drift_S = (in.rollout_logprobs - in.logprobs.detach()).masked_fill(unknown_S, 0.0);
  }
  const auto is_far_S = sequence_means(drift_S, in) > delta;
  return dropping(clipped_token_loss(in, config), is_far_S & (in.advantages < 0.0));
}

}  // namespace

extern const PolicyLoss kOpsm;
const PolicyLoss kOpsm{"opsm", "grpo without wrong completions that drifted from the sampler",
                       [] { return OwnSettings::of(OpsmSettings{}); }, opsm_loss};

}  // namespace gradus::rl
