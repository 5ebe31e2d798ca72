#pragma once

#include <optional>
#include <string>
#include <vector>

#include "rewards/math/reading/syntax.h"
#include "rewards/math/values/polynomial.h"

namespace gradus::rewards::math {

/// Whether a node is a set of real numbers, or can be read as one: intervals, unions, finite sets,
/// set builders, inequalities in one unknown.
bool is_set_like(const Tree& tree, int32_t id);

/// Whether two sets of reals are the same. Both are asked at every number that matters to either
/// (ends of intervals, elements, roots and constants of inequalities), between those, and beyond.
///
/// @return  nullopt: a question could not be answered.
std::optional<bool> same_set(Tree& tree, int32_t a, int32_t b, Work& work);

}  // namespace gradus::rewards::math
