#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/sigmoid.h>
#include <ATen/ops/where.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

namespace {

/// Settings `rl.sapo.*`.
struct SapoSettings {
  double temperature_positive = 1.0;
  double temperature_negative = 1.05;
};

void describe(SapoSettings& c, SettingFields& field) {
  field("temperature_positive", c.temperature_positive, positive(),
        "temperature where the advantage is positive");
  field("temperature_negative", c.temperature_negative, positive(),
        "temperature where it is negative");
}

/// Soft adaptive policy optimization (arXiv:2511.20347):
///   L = -(4 / tau) sigmoid(tau (r - 1)) A,  tau by the sign of A. Nothing is clipped.
LossTerms sapo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<SapoSettings>("sapo");
  const auto ratio_S = log_ratios(in, config).exp();
  const auto tau_S =
      at::where(in.advantages > 0.0, at::full_like(in.advantages, own.temperature_positive),
                at::full_like(in.advantages, own.temperature_negative));
  const auto gate_S = (tau_S * (ratio_S - 1.0)).sigmoid() * 4.0 / tau_S;
  return without_clipping(-(gate_S * in.advantages));
}

}  // namespace

extern const PolicyLoss kSapo;
const PolicyLoss kSapo{"sapo", "a soft gate in place of the clip",
                       [] { return OwnSettings::of(SapoSettings{}); }, sapo_loss};

}  // namespace gradus::rl
