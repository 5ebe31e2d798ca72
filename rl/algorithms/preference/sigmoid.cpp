#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// -(1 - e) log s(beta x) - e log s(-beta x), e the label smoothing (DPO, arXiv:2305.18290; cDPO).
at::Tensor sigmoid_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto x_P = pairs.difference() * config.beta;
  return negative_log_sigmoid(x_P) * (1.0 - config.label_smoothing) +
         negative_log_sigmoid(-x_P) * config.label_smoothing;
}

}  // namespace

extern const PreferenceLoss kSigmoidPreference;
const PreferenceLoss kSigmoidPreference{"sigmoid", "DPO", nullptr, sigmoid_terms};

}  // namespace gradus::rl
