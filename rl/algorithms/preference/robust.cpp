#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// (-(1 - e) log s(beta x) + e log s(-beta x)) / (1 - 2 e) (arXiv:2403.00409).
at::Tensor robust_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const double e = config.label_smoothing;
  const auto x_P = pairs.difference() * config.beta;
  return (negative_log_sigmoid(x_P) * (1.0 - e) - negative_log_sigmoid(-x_P) * e) / (1.0 - 2.0 * e);
}

}  // namespace

extern const PreferenceLoss kRobust;
const PreferenceLoss kRobust{
    "robust", "DPO, unbiased where label_smoothing of the labels are wrong", nullptr, robust_terms};

}  // namespace gradus::rl
