#include "rewards/profiles/expressions.h"

#include <cmath>

#include "rewards/profiles/python_arithmetic.h"

namespace gradus::rewards::profiles {
namespace {

std::optional<double> value_of(TextView expression) {
  const auto value = evaluate_python_arithmetic(replaced(expression, U"^", U"**"));
  if (!value) return std::nullopt;
  if (const auto* real = std::get_if<double>(&*value)) return *real;
  return std::get<boost::multiprecision::cpp_int>(*value).convert_to<double>();
}

}  // namespace

bool sympy_difference_is_zero(TextView gold, TextView given) {
  const auto a = value_of(gold);
  const auto b = value_of(given);
  return a && b && std::abs(*a - *b) <= 1e-14 * std::abs(*a);
}

}  // namespace gradus::rewards::profiles
