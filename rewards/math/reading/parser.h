#pragma once

#include <string>
#include <string_view>

#include "rewards/math/reading/lexer.h"
#include "rewards/math/reading/syntax.h"

namespace gradus::rewards::math {

struct ParseOptions {
  NumberStyle style;
  bool allows_malformed = true;  // \frac12, \sqrt3, x^10, a/b in place of LaTeX's braces
};

struct ParsedMath {
  enum class Fault { none, syntax, budget };
  Tree tree;
  Fault fault = Fault::none;
  std::string reason;  // of a fault: what and where

  bool ok() const { return fault == Fault::none; }
};

/// Past this depth, or past the limits of the tokens, the fault is `budget`.
inline constexpr size_t kMaxItems = 1'000;  // of a list
inline constexpr int kMaxDepth = 2'400;

/// Reads one answer in LaTeX or plain notation: expressions with the usual precedence and implied
/// products, mixed numbers, lists, tuples, intervals, sets, relations and chains of them,
/// matrices, units, percent, plus-minus, number bases, ratios.
///
/// The text is one answer, not a text with answers in it: what cannot be read makes the whole
/// unreadable.
ParsedMath parse_math(std::string_view text, const ParseOptions& options);

}  // namespace gradus::rewards::math
