#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// -log s(beta c) - 1/2 log s(-beta c) - 1/2 log s(-beta r) (NCA, arXiv:2402.05369).
at::Tensor nca_pair_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  const auto chosen_P = pairs.chosen_ratio() * config.beta;
  const auto rejected_P = pairs.rejected_ratio() * config.beta;
  return negative_log_sigmoid(chosen_P) + negative_log_sigmoid(-chosen_P) * 0.5 +
         negative_log_sigmoid(-rejected_P) * 0.5;
}

}  // namespace

extern const PreferenceLoss kNcaPair;
const PreferenceLoss kNcaPair{"nca_pair", "chosen up, both held near the reference", nullptr,
                              nca_pair_terms};

}  // namespace gradus::rl
