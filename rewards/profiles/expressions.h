#pragma once

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// What `sympy.simplify((gold) - (given)) == 0` says of two plain expressions, read by sympy's
/// parser with implicit multiplication. False too where Python or sympy raise: commas, relations,
/// stray brackets.
bool sympy_difference_is_zero(TextView gold, TextView given);

}  // namespace gradus::rewards::profiles
