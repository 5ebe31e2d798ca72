#include <ATen/TensorOperators.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

namespace {

/// REINFORCE: L = -A lp. Nothing is clipped, and nothing corrects a second use of a batch.
LossTerms reinforce_loss(const LossInputs& in, const AlgorithmConfig&) {
  return without_clipping(-(in.advantages * in.logprobs));
}

}  // namespace

extern const PolicyLoss kReinforce;
const PolicyLoss kReinforce{"reinforce", "no ratio, no clip", nullptr, reinforce_loss};

}  // namespace gradus::rl
