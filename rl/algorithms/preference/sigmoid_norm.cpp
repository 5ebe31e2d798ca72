#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// -log s(beta (c / n_c - r / n_r)) (Tulu 3, arXiv:2411.15124).
at::Tensor sigmoid_norm_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  return negative_log_sigmoid((pairs.chosen_ratio() / pairs.chosen_tokens -
                               pairs.rejected_ratio() / pairs.rejected_tokens) *
                              config.beta);
}

}  // namespace

extern const PreferenceLoss kSigmoidNorm;
const PreferenceLoss kSigmoidNorm{"sigmoid_norm", "DPO on means over tokens; beta about 5", nullptr,
                                  sigmoid_norm_terms};

}  // namespace gradus::rl
