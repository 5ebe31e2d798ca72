#include <ATen/TensorOperators.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

/// Settings `rl.dro.*`.
struct DroSettings {
  double beta = 0.1;
};

void describe(DroSettings& c, SettingFields& field) {
  field("beta", c.beta, at_least(0.0), "weight of the squared logarithm of the ratio");
}

/// Direct reward optimisation (arXiv:2405.19107) without its value function:
///   L = -(lp A - beta / 2 (lp - lp_old)^2)
LossTerms dro_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const double beta = config.losses.of<DroSettings>("dro").beta;
  const auto log_ratio_S = log_ratios(in, config);
  return without_clipping(log_ratio_S * log_ratio_S * (0.5 * beta) - in.logprobs * in.advantages);
}

}  // namespace

extern const PolicyLoss kDro;
const PolicyLoss kDro{"dro", "REINFORCE held near the old policy by a square",
                      [] { return OwnSettings::of(DroSettings{}); }, dro_loss};

}  // namespace gradus::rl
