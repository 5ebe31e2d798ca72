#include <ATen/TensorOperators.h>
#include <ATen/ops/sigmoid.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// 1 - s(beta c) + s(beta r), of the two log ratios (APO-zero, arXiv:2408.06266).
at::Tensor apo_zero_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  return 1.0 - (pairs.chosen_ratio() * config.beta).sigmoid() +
         (pairs.rejected_ratio() * config.beta).sigmoid();
}

}  // namespace

extern const PreferenceLoss kApoZero;
const PreferenceLoss kApoZero{
    "apo_zero", "chosen up, rejected down, where the chosen are better than the policy", nullptr,
    apo_zero_terms};

}  // namespace gradus::rl
