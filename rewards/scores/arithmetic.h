#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "rewards/math/values/rational.h"

namespace gradus::rewards {

/// An arithmetic expression over non-negative integers, evaluated exactly.
struct ArithmeticResult {
  std::optional<math::Rational> value;  // nullopt: see fault
  std::vector<math::Rational> numbers;  // as written, in order
  std::string fault;                    // "division by zero", "is no expression at ...", ...
};

/// Reads `+ - * /` (also as Unicode signs and as \times, \cdot, \div, \frac{}{}), brackets and
/// signs; usual precedence, from left to right. Nothing else: `**`, `//`, `^`, names and calls are
/// faults. Own stack, not recursion: depth is bounded by the length; at most 4,000 bytes and 500
/// numbers of 30 digits.
ArithmeticResult evaluate_arithmetic(std::string_view text);

}  // namespace gradus::rewards
