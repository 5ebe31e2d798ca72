#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace gradus::rewards::graders {

/// A formula cannot be read; the message names the place.
class FormulaError : public ArgumentError {
 public:
  using ArgumentError::ArgumentError;
};

/// The `calculate_output` of a multi grader: arithmetic over the scores of graders.
///
///   expr  := term (("+" | "-") term)*
///   term  := unary (("*" | "/") unary)*
///   unary := "-"? power
///   power := atom ("^" unary)?                  to the right: 2^3^2 is 2^9, -2^2 is -4
///   atom  := number | name | function "(" expr ("," expr)* ")" | "(" expr ")"
///
/// Functions: min, max (one or more arguments), abs, floor, ceil, exp, sqrt, log (natural).
/// Names: [A-Za-z_][A-Za-z0-9_]*. Read once into a list of steps, then computed in time linear in
/// the text; no recursion is deeper than kMaxDepth. Source: openai_api.md, section 1.7.
class Formula {
 public:
  static constexpr size_t kMaxBytes = 4096;
  static constexpr int kMaxDepth = 64;

  struct Result {
    double value = 0;
    std::string fault;  // why there is no finite value ("divides by zero"); empty: none
  };

  /// @throws FormulaError  names what was expected where.
  explicit Formula(std::string_view text);

  /// The names that occur, each once, in the order of their first place.
  const std::vector<std::string>& names() const { return names_; }

  /// @param values  [names] in the order of names().
  Result evaluate(std::span<const double> values) const;

 private:
  friend class FormulaParser;
  friend class FormulaStack;

  enum class Operation : uint8_t {
    number,
    name,
    negate,
    add,
    subtract,
    multiply,
    divide,
    power,
    min,
    max,
    abs,
    floor,
    ceil,
    exp,
    sqrt,
    log,
  };

  struct Step {
    Operation operation = Operation::number;
    double number = 0;
    size_t count = 0;  // index of a name; arguments of min and max
  };

  std::vector<std::string> names_;
  std::vector<Step> steps_;  // in postfix order
};

}  // namespace gradus::rewards::graders
