#include "rewards/profiles/expressions.h"

#include <cmath>

#include "rewards/math/math_grader.h"
#include "rewards/profiles/python_arithmetic.h"

namespace gradus::rewards::profiles {
namespace {

std::optional<double> value_of(TextView expression) {
  const auto value = evaluate_python_arithmetic(replaced(expression, U"^", U"**"));
  if (!value) return std::nullopt;
  if (const auto* real = std::get_if<double>(&*value)) return *real;
  return std::get<boost::multiprecision::cpp_int>(*value).convert_to<double>();
}

/// sympy's parser knows no lists, relations or sets.
bool is_expression(TextView text) {
  return text.find_first_of(U",;=<>{}[]|!&%:") == TextView::npos;
}

}  // namespace

bool sympy_difference_is_zero(TextView gold, TextView given) {
  const auto a = value_of(gold);
  const auto b = a ? value_of(given) : std::nullopt;
  if (a && b) return std::abs(*a - *b) <= 1e-14 * std::abs(*a);  // Python's own floats
  return is_expression(gold) && is_expression(given) &&
         math::plain_expressions_equal(to_utf8(gold), to_utf8(given));
}

}  // namespace gradus::rewards::profiles
