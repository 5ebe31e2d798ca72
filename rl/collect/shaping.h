#pragma once

#include <vector>

#include "rl/collect/group.h"

namespace gradus::rl {

/// A reward where the completion did not end by itself (OpenRLHF's and NeMo-RL's
/// stop_properly_penalty_coef): times the coefficient, or the coefficient itself where that is
/// below 0. Others stay.
double stop_properly(double reward, bool is_truncated, double coef);

/// The same for all rewards of the groups.
void shape_stops(std::vector<Group>& groups, double coef);

}  // namespace gradus::rl
