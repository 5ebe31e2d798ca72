#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// (c - 1 / (2 beta))^2 + (r + 1 / (2 beta))^2 (SPPO, arXiv:2405.00675).
at::Tensor sppo_hard_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto chosen_P = pairs.chosen_ratio() - 0.5 / config.beta;
  const auto rejected_P = pairs.rejected_ratio() + 0.5 / config.beta;
  return chosen_P * chosen_P + rejected_P * rejected_P;
}

}  // namespace

extern const PreferenceLoss kSppoHard;
const PreferenceLoss kSppoHard{"sppo_hard", "log ratios of 1 / (2 beta) and its negative", nullptr,
                               sppo_hard_terms};

}  // namespace gradus::rl
