#pragma once

#include <optional>
#include <string>

#include "rewards/math/reading/syntax.h"
#include "rewards/math/values/polynomial.h"

namespace gradus::rewards::math {

enum class Verdict {
  equal,
  different,
  too_large,  // a part is so large, or so small, that a difference would be lost
  unknown,    // neither could be shown within the limits
};

/// Where an expression of a tree stands.
struct Place {
  const Tree& tree;
  int32_t id;
};

/// Compares two expressions by interval evaluation of their difference (Arb's ball arithmetic).
///
/// Symbols get up to eight fixed rational values, positive and negative; functions without a
/// definition a fixed smooth one of their name. A difference whose ball excludes zero proves the
/// expressions different; zero within every ball at 1,024 bits counts as equal. Points where one
/// side is not real are left out unless both sides never are, or one speaks of i.
Verdict compare_numerically(const Place& a, const Place& b, Work& work);

/// Whether a / b is the same non-zero number at all points: 1, -1 (its sign) or 0 (it is not).
int proportional(const Place& a, const Place& b, Work& work);

/// A real constant to about 60 digits: its nearest multiple of 10^-decimals, its sign, its value.
struct Decimal {
  Rational rounded;  // half away from zero
  Rational value;    // within 10^-40 of it, relative
};

/// The value of a real constant expression; nullopt: has symbols, is not real, cannot be said.
std::optional<Decimal> decimal_value(const Place& place, int decimals, Work& work);

/// Sign of a - b for real constants (0: equal by the rule above); nullopt: cannot be said.
std::optional<int> compare_order(const Place& a, const Place& b, Work& work);

/// Sign of (left - right) with `symbol` set to the value of a real constant expression.
std::optional<int> order_at(const Place& left, const Place& right, const std::string& symbol,
                            const Place& value, Work& work);
std::optional<int> order_at(const Place& left, const Place& right, const std::string& symbol,
                            const Rational& value, Work& work);

}  // namespace gradus::rewards::math
