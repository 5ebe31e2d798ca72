#include "rewards/code/output_match.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "base/printable.h"

namespace gradus::rewards::code {
namespace {

constexpr std::string_view kSpace = " \t\r\n\v\f";
constexpr size_t kShownBytes = 60;

/// The next token; `text` moves behind it; empty: there is none.
std::string_view take_token(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
  const std::string_view token = text.substr(0, text.find_first_of(kSpace));
  text.remove_prefix(token.size());
  return token;
}

std::optional<double> number_of(std::string_view token) {
  if (!token.empty() && token.front() == '+') token.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
  if (error != std::errc() || end != token.data() + token.size()) return std::nullopt;
  return std::isfinite(value) ? std::optional(value) : std::nullopt;
}

bool is_fraction(std::string_view token) {
  return token.find_first_of(".eE") != std::string_view::npos;
}

bool match(std::string_view a, std::string_view b, double tolerance) {
  if (a == b) return true;
  if (tolerance <= 0 || (!is_fraction(a) && !is_fraction(b))) return false;
  const auto x = number_of(a);
  const auto y = number_of(b);
  return x && y && std::abs(*x - *y) <= tolerance * std::max(1.0, std::abs(*y));
}

}  // namespace

std::string output_difference(std::string_view output, std::string_view expected,
                              double tolerance) {
  for (size_t index = 1;; ++index) {
    const std::string_view a = take_token(output);
    const std::string_view b = take_token(expected);
    if (a.empty() && b.empty()) return "";
    if (a.empty()) return fmt::format("the output ends after {} tokens", index - 1);
    if (b.empty()) return fmt::format("the output goes on after {} tokens", index - 1);
    if (!match(a, b, tolerance)) {
      return fmt::format("token {} is {}", index, printable(a, kShownBytes));
    }
  }
}

}  // namespace gradus::rewards::code
