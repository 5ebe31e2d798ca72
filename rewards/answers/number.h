#pragma once

#include <boost/multiprecision/cpp_int.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards {

using Rational = boost::multiprecision::cpp_rational;

/// A number as an answer gives it.
struct Number {
  Rational value;  // of "50%": 50
  bool is_percent = false;
  std::string unit;  // lower case, singular, short form ("km", "hour"); empty: none
};

/// Reads a text that is one number and nothing else, exactly.
///
/// Integers, decimals (`.5`, `5.`, `0.1\overline{6}`), thousands (`1,234`, `1 234`, `1'234`,
/// `1.234,56`), a decimal comma (`2,74`), fractions (`3/4`, `\frac{3}{4}`, `\frac34`), mixed
/// numbers with a proper fraction (`2 1/4`, `2\frac{1}{4}`), powers of ten (`1e5`, `2.5*10^{3}`),
/// signs, brackets around it, a currency sign, percent, million/billion, a unit in words, and
/// the dressing that `undressed` removes. Source and limits: rewards.md 7; nothing is rounded.
///
/// @return  nullopt for anything else: a formula, several numbers, a zero denominator, more than
///          10,000 digits, an exponent past 10,000 (which is refused before it is expanded).
std::optional<Number> parse_number(std::string_view text);

/// The number in a phrase that holds exactly one ("72 clips in May", "She has 5."), or nullopt: two
/// numbers are a hedge, and in a formula a part is not the answer.
std::optional<Number> sole_number(std::string_view text);

}  // namespace gradus::rewards
