#include <optional>

#include "rewards/math/answer_text.h"
#include "rewards/math/compare.h"
#include "rewards/math/math_grader.h"
#include "rewards/math/reading/parser.h"
#include "rewards/math/values/numeric.h"

namespace gradus::rewards::math {

namespace {

/// The value of a real constant, in whatever form it is written.
std::optional<Rational> value_of_text(std::string_view text) {
  const ParsedMath parsed = parse_math(readable(without_dollars(text)), {});
  if (!parsed.ok()) return std::nullopt;
  Work work(Comparison::kWork);
  int32_t value = parsed.tree.root;
  const Node& root = parsed.tree.at(value);
  if (root.kind == NodeKind::relation && root.name.find_first_not_of("=~") == std::string::npos)
    value = root.kids.back();  // x = 5
  const auto decimal = decimal_value({parsed.tree, value}, 6, work);
  return decimal ? std::optional(decimal->value) : std::nullopt;
}

}  // namespace

bool numbers_within(std::string_view a, std::string_view b, double tolerance) {
  const auto x = value_of_text(a);
  const auto y = x ? value_of_text(b) : std::nullopt;
  return y && (*x - *y).abs().as_double() <= tolerance;
}

bool numbers_within_share(std::string_view gold, std::string_view answer, double share) {
  const auto x = value_of_text(gold);
  const auto y = x ? value_of_text(answer) : std::nullopt;
  if (!y || x->is_zero()) return y && y->is_zero();
  return ((*x - *y) / *x).abs().as_double() <= share;
}

bool plain_expressions_equal(std::string_view a, std::string_view b) {
  const ParsedMath x = parse_math(a, {});
  const ParsedMath y = parse_math(b, {});
  return x.ok() && y.ok() && Comparison(x.tree, y.tree, {}).equal();
}

}  // namespace gradus::rewards::math
