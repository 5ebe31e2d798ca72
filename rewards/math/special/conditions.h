#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// An answer and where it holds: "n+1 \text{ if } n \text{ is odd}", "2^n \text{ for } n \ge 1",
/// "y = x^2 \quad (x \ge 0)", "2^n, n \ge 1".
struct Conditioned {
  std::string main;
  std::string condition;  // without its "if"
};

/// nullopt where a text states no condition.
std::optional<Conditioned> split_condition(std::string_view text);

/// Whether a condition says more than that something is any number or a constant.
bool is_decisive(std::string_view condition);

/// Whether it tells cases apart, so that an answer without it is another one: odd, even, mod 4.
bool tells_cases_apart(std::string_view condition);

/// Whether both hold for the same: read as relations, else word by word in any order.
bool same_condition(std::string_view a, std::string_view b);

}  // namespace gradus::rewards::math
