#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {
namespace {

/// The negative log-likelihood of the chosen answers per token of all of them: sum / tokens.
at::Tensor sft_terms(const PairInputs& pairs, const PreferenceLossConfig& config) {
  (void)config;
  const auto P = static_cast<double>(pairs.chosen.size(0));
  return -pairs.chosen * (P / pairs.chosen_tokens.sum());
}

}  // namespace

extern const PreferenceLoss kSftTerm;
const PreferenceLoss kSftTerm{"sft", "likelihood of the chosen, per token", nullptr, sft_terms};

}  // namespace gradus::rl
