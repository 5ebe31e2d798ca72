#include <ATen/TensorOperators.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

LossTerms reinforce_loss(const LossInputs& in, const AlgorithmConfig&) {
  return without_clipping(-(in.advantages * in.logprobs));
}

}  // namespace gradus::rl
