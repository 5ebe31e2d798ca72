#pragma once

#include <vector>

#include "policy/policy.h"
#include "rl/parallel/communicator.h"

namespace gradus::rl {

/// Sums the gradients of all ranks, in the parameters' order, so that every rank takes the same
/// optimizer step. Losses are divided by what is counted over all ranks, so that the sum needs no
/// division.
void sum_gradients(std::vector<policy::Parameter>& parameters, Communicator& communicator);

}  // namespace gradus::rl
