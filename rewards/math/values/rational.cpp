#include "rewards/math/values/rational.h"

#include <flint/fmpz.h>

namespace gradus::rewards::math {

std::optional<Rational> Rational::from_decimal(std::string_view digits) {
  if (digits.size() <= 18 && digits.find_first_not_of("0123456789") == std::string_view::npos &&
      !digits.empty()) {
    int64_t value = 0;
    for (const char c : digits) value = value * 10 + (c - '0');
    return Rational(value);
  }
  std::string plain;
  int64_t decimals = -1;
  for (const char c : digits) {
    if (c == '.') {
      if (decimals >= 0) return std::nullopt;
      decimals = 0;
    } else if (c >= '0' && c <= '9') {
      plain += c;
      if (decimals >= 0) ++decimals;
    } else {
      return std::nullopt;
    }
  }
  if (plain.empty()) return std::nullopt;
  Rational value;
  fmpz_set_str(fmpq_numref(value.value_), plain.c_str(), 10);
  if (decimals > 0) {
    fmpz_set_ui(fmpq_denref(value.value_), 10);
    fmpz_pow_ui(fmpq_denref(value.value_), fmpq_denref(value.value_), static_cast<ulong>(decimals));
    fmpq_canonicalise(value.value_);
  }
  return value;
}

std::optional<Rational> Rational::from_digits(std::string_view digits, int base) {
  Rational value;
  if (digits.empty()) return std::nullopt;
  if (const size_t point = digits.find('.'); point != std::string_view::npos) {
    const std::string_view places = digits.substr(point + 1);
    if (places.find('.') != std::string_view::npos) return std::nullopt;
    const auto whole = from_digits(digits.substr(0, point), base);
    const auto part = from_digits(places, base);
    if (!whole || !part) return std::nullopt;
    return *whole + *part / Rational(base).power(static_cast<int64_t>(places.size()));
  }
  for (const char c : digits) {
    int digit = 99;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'A' && c <= 'Z') digit = c - 'A' + 10;
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 10;
    if (digit >= base) return std::nullopt;
    value = value * Rational(base) + Rational(digit);
  }
  return value;
}

Rational Rational::power_of_ten(int64_t exponent) {
  return Rational(10).power(exponent);
}

std::optional<int64_t> Rational::small_integer() const {
  if (!is_integer() || fmpz_bits(fmpq_numref(value_)) > 62) return std::nullopt;
  return static_cast<int64_t>(fmpz_get_si(fmpq_numref(value_)));
}

Rational Rational::numerator() const {
  Rational result;
  fmpz_set(fmpq_numref(result.value_), fmpq_numref(value_));
  return result;
}

Rational Rational::denominator() const {
  Rational result;
  fmpz_set(fmpq_numref(result.value_), fmpq_denref(value_));
  return result;
}

Rational Rational::floor() const {
  Rational result;
  fmpz_fdiv_q(fmpq_numref(result.value_), fmpq_numref(value_), fmpq_denref(value_));
  return result;
}

Rational Rational::abs() const {
  return sign() < 0 ? -*this : *this;
}

bool Rational::has_power(int64_t exponent) const {
  const int64_t bits = num_bits();
  if (bits <= 1) return true;  // 0, 1, -1
  return exponent >= -(kMaxBits / bits) && exponent <= kMaxBits / bits;
}

Rational Rational::power(int64_t exponent) const {
  Rational result;
  fmpq_pow_si(result.value_, value_, exponent);
  return result;
}

double Rational::as_double() const {
  return fmpq_get_d(value_);
}

std::string Rational::str() const {
  char* text = fmpq_get_str(nullptr, 10, value_);
  std::string result = text;
  flint_free(text);
  return result;
}

Rational operator+(const Rational& a, const Rational& b) {
  Rational result;
  fmpq_add(result.value_, a.value_, b.value_);
  return result;
}

Rational operator-(const Rational& a, const Rational& b) {
  Rational result;
  fmpq_sub(result.value_, a.value_, b.value_);
  return result;
}

Rational operator*(const Rational& a, const Rational& b) {
  Rational result;
  fmpq_mul(result.value_, a.value_, b.value_);
  return result;
}

Rational operator/(const Rational& a, const Rational& b) {
  Rational result;
  fmpq_div(result.value_, a.value_, b.value_);
  return result;
}

Rational Rational::operator-() const {
  Rational result;
  fmpq_neg(result.value_, value_);
  return result;
}

Rational& Rational::operator+=(const Rational& b) {
  fmpq_add(value_, value_, b.value_);
  return *this;
}

Rational& Rational::operator*=(const Rational& b) {
  fmpq_mul(value_, value_, b.value_);
  return *this;
}

}  // namespace gradus::rewards::math
