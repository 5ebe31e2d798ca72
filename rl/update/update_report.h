#pragma once

#include "rl/update/update.h"

namespace gradus::rl {

/// Times and speeds of an update, added to a step's figures.
/// @param flops  that forward and backward passes computed.
void add_update_metrics(const UpdateResult& update, double flops, Metrics& metrics);

}  // namespace gradus::rl
