#pragma once

#include <optional>
#include <string_view>

namespace gradus::rewards::math {

/// Whether two texts are the same formula or reaction: H_2SO_4, \ce{H2SO4} and
/// \text{H}_2\text{SO}_4; sides of a reaction in any order of their substances. Case counts: CO is
/// no Co.
///
/// @return  nullopt where the gold is no formula for certain, or the answer none at all: that is a
///          matter of mathematics or of words.
std::optional<bool> same_chemistry(std::string_view gold, std::string_view answer);

}  // namespace gradus::rewards::math
