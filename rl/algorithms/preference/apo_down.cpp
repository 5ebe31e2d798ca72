#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// s(beta c) + 1 - s(beta x) (APO-down, arXiv:2408.06266).
at::Tensor apo_down_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  return (pairs.chosen_ratio() * config.beta).sigmoid() + 1.0 -
         (pairs.difference() * config.beta).sigmoid();
}

}  // namespace

extern const PreferenceLoss kApoDown;
const PreferenceLoss kApoDown{
    "apo_down", "both down, the rejected further, where the policy is better than the chosen",
    nullptr, apo_down_terms};

}  // namespace gradus::rl
