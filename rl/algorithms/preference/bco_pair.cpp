#include <ATen/TensorOperators.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// -log s(beta c) - log s(-beta r) (BCO, arXiv:2404.04656), without the running mean of rewards
/// that the paper subtracts, as TRL has it.
at::Tensor bco_pair_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  return negative_log_sigmoid(pairs.chosen_ratio() * config.beta) +
         negative_log_sigmoid(-pairs.rejected_ratio() * config.beta);
}

}  // namespace

extern const PreferenceLoss kBcoPair;
const PreferenceLoss kBcoPair{"bco_pair", "chosen up, rejected down, each by itself", nullptr,
                              bco_pair_terms};

}  // namespace gradus::rl
