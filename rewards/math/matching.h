#pragma once

#include <vector>

namespace gradus::rewards::math {

/// Whether the items of two collections pair up, each with a partner of its own that fits.
/// @param fits  [n][n]: whether item i of one fits item j of the other
bool can_match(const std::vector<std::vector<bool>>& fits);

}  // namespace gradus::rewards::math
