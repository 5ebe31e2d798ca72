#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/sigmoid.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// Settings `preference.discopop.*`.
struct DiscopopSettings {
  double tau = 0.05;
};

void describe(DiscopopSettings& c, SettingFields& field) {
  field("tau", c.tau, positive(), "temperature of the change from one form to the other");
}

/// (1 - m) (-log s(x)) + m e^-x, x = beta times the difference, m = s(x / tau): the loss that a
/// search found (DiscoPOP, arXiv:2406.08414). m e^-x is e^(log m - x), which does not overflow.
at::Tensor discopop_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const double tau = config.own.of<DiscopopSettings>("discopop").tau;
  const auto x_P = pairs.difference() * config.beta;
  const auto m_P = (x_P / tau).sigmoid();
  const auto exponential_P = (-negative_log_sigmoid(x_P / tau) - x_P).exp();
  return negative_log_sigmoid(x_P) * (1.0 - m_P) + exponential_P;
}

}  // namespace

extern const PreferenceLoss kDiscopop;
const PreferenceLoss kDiscopop{"discopop", "between logistic and exponential, by the margin",
                               [] { return OwnSettings::of(DiscopopSettings{}); }, discopop_terms};

}  // namespace gradus::rl
