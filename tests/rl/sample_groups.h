#pragma once

#include <string>
#include <vector>

#include "rl/collect/group.h"

namespace gradus::rl {

/// A group of completions of growing length with these rewards; advantages are not assigned.
/// Prompt tokens {1, 2, 3}; completion i has 2 + i tokens, all below 8.
Group sample_group(const std::string& id, const std::vector<double>& rewards);

}  // namespace gradus::rl
