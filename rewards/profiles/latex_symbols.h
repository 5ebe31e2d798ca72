#pragma once

#include <optional>

#include "rewards/profiles/python_text.h"

namespace gradus::rewards::profiles {

/// The character, or the few, that a LaTeX command without arguments stands for: "alpha" α,
/// "leq" ≤, "sin" sin. nullopt: not a known one.
std::optional<TextView> latex_symbol(TextView name);

}  // namespace gradus::rewards::profiles
