#include <optional>

#include "rewards/math/answer_text.h"
#include "rewards/math/compare.h"
#include "rewards/math/math_grader.h"
#include "rewards/math/reading/parser.h"
#include "rewards/math/values/numeric.h"

namespace gradus::rewards::math {

bool numbers_within(std::string_view a, std::string_view b, double tolerance) {
  const auto value = [](std::string_view text) -> std::optional<Rational> {
    const ParsedMath parsed = parse_math(without_dollars(text), {});
    if (!parsed.ok()) return std::nullopt;
    Work work(Comparison::kWork);
    const auto decimal = decimal_value({parsed.tree, parsed.tree.root}, 6, work);
    return decimal ? std::optional(decimal->value) : std::nullopt;
  };
  const auto x = value(a);
  const auto y = x ? value(b) : std::nullopt;
  return y && (*x - *y).abs().as_double() <= tolerance;
}

bool plain_expressions_equal(std::string_view a, std::string_view b) {
  const ParsedMath x = parse_math(a, {});
  const ParsedMath y = parse_math(b, {});
  return x.ok() && y.ok() && Comparison(x.tree, y.tree, {}).equal();
}

}  // namespace gradus::rewards::math
