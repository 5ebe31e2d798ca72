#include "rewards/scores/json_schema/json_values.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "base/json.h"
#include "base/printable.h"
#include "rewards/math/values/rational.h"

namespace gradus::rewards {
namespace {

using math::Rational;
using nlohmann::json;

// Of a finite number, from its shortest decimal: "-1.5e-07".
Rational rational_of(const json& number) {
  const std::string text = dump_json(number);
  std::string_view digits = text;
  const bool is_negative = digits.starts_with('-');
  if (is_negative) digits.remove_prefix(1);
  int exponent = 0;
  if (const size_t at = digits.find_first_of("eE"); at != std::string_view::npos) {
    const size_t begin = digits[at + 1] == '+' ? at + 2 : at + 1;
    std::from_chars(digits.data() + begin, digits.data() + digits.size(), exponent);
    digits = digits.substr(0, at);
  }
  const auto mantissa = Rational::from_decimal(digits).value_or(Rational());
  const Rational value = mantissa * Rational::power_of_ten(exponent);
  return is_negative ? -value : value;
}

std::partial_ordering compare_integers(const json& a, const json& b) {
  const auto compare = [](auto x, auto y) {
    if (std::cmp_equal(x, y)) return std::partial_ordering::equivalent;
    return std::cmp_less(x, y) ? std::partial_ordering::less : std::partial_ordering::greater;
  };
  const auto with_b = [&](auto x) {
    return b.is_number_unsigned() ? compare(x, b.get<uint64_t>()) : compare(x, b.get<int64_t>());
  };
  return a.is_number_unsigned() ? with_b(a.get<uint64_t>()) : with_b(a.get<int64_t>());
}

std::partial_ordering compare_numbers(const json& a, const json& b) {
  if (!a.is_number_float() && !b.is_number_float()) return compare_integers(a, b);
  const auto x = a.get<double>();
  const auto y = b.get<double>();
  const bool are_alike = a.is_number_float() && b.is_number_float();
  if (are_alike || !std::isfinite(x) || !std::isfinite(y)) return x <=> y;
  const Rational exact_x = rational_of(a);
  const Rational exact_y = rational_of(b);
  if (exact_x == exact_y) return std::partial_ordering::equivalent;
  return exact_x < exact_y ? std::partial_ordering::less : std::partial_ordering::greater;
}

std::partial_ordering compare_members(const json& a, const json& b) {
  if (const auto order = a.size() <=> b.size(); order != 0) return order;
  for (auto x = a.begin(), y = b.begin(); x != a.end(); ++x, ++y) {
    if (a.is_object() && x.key() != y.key()) return x.key() <=> y.key();
    if (const auto order = order_of_json(*x, *y); order != 0) return order;
  }
  return std::partial_ordering::equivalent;
}

json::value_t kind_of(const json& value) {
  return value.is_number() ? json::value_t::number_float : value.type();
}

/// The beginning of a value as JSON: no more of it is written than is shown.
void append_json(const json& value, size_t max_bytes, std::string& out) {
  if (value.is_string()) {
    out += dump_json(value.get_ref<const std::string&>().substr(0, max_bytes));
    return;
  }
  if (!value.is_structured()) {
    out += dump_json(value);
    return;
  }
  out += value.is_array() ? '[' : '{';
  bool is_first = true;
  for (auto it = value.begin(); it != value.end() && out.size() <= max_bytes; ++it) {
    if (!is_first) out += ',';
    is_first = false;
    if (value.is_object()) out += dump_json(it.key().substr(0, max_bytes)) + ":";
    append_json(*it, max_bytes, out);
  }
  out += value.is_array() ? ']' : '}';
}

}  // namespace

std::partial_ordering order_of_json(const json& a, const json& b) {
  if (kind_of(a) != kind_of(b)) {
    return static_cast<int>(kind_of(a)) <=> static_cast<int>(kind_of(b));
  }
  if (a.is_number()) return compare_numbers(a, b);
  if (a.is_string()) return a.get_ref<const std::string&>() <=> b.get_ref<const std::string&>();
  if (a.is_boolean()) return a.get<bool>() <=> b.get<bool>();
  return compare_members(a, b);
}

std::string beginning_of_json(const json& value) {
  constexpr size_t kShownBytes = 80;
  std::string text;
  append_json(value, kShownBytes, text);
  if (text.size() <= kShownBytes) return printable(text, kShownBytes);
  return printable(text.substr(0, kShownBytes), kShownBytes) + "...";
}

bool is_multiple(const json& a, const json& b) {
  return (rational_of(a) / rational_of(b)).is_integer();
}

}  // namespace gradus::rewards
