#pragma once

#include <flint/fmpq.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gradus::rewards::math {

/// An exact rational number of any size, always in lowest terms. Small ones need no memory of
/// their own (FLINT keeps numerators and denominators up to 62 bits in place).
class Rational {
 public:
  Rational() { fmpq_init(value_); }
  Rational(int64_t integer) : Rational() { fmpq_set_si(value_, integer, 1); }  // NOLINT: a number
  Rational(int64_t numerator, uint64_t denominator) : Rational() {
    fmpq_set_si(value_, numerator, denominator);
  }
  Rational(const Rational& other) : Rational() { fmpq_set(value_, other.value_); }
  Rational(Rational&& other) noexcept : Rational() { fmpq_swap(value_, other.value_); }
  Rational& operator=(const Rational& other) {
    fmpq_set(value_, other.value_);
    return *this;
  }
  Rational& operator=(Rational&& other) noexcept {
    fmpq_swap(value_, other.value_);
    return *this;
  }
  ~Rational() { fmpq_clear(value_); }

  /// From decimal digits and at most one point, such as "003.50"; nullopt for anything else.
  static std::optional<Rational> from_decimal(std::string_view digits);

  /// From digits in `base` (2 to 36) and at most one point between them; nullopt where a digit does
  /// not belong to the base.
  static std::optional<Rational> from_digits(std::string_view digits, int base);

  /// 10^exponent, |exponent| <= 20,000.
  static Rational power_of_ten(int64_t exponent);

  bool is_zero() const { return fmpq_is_zero(value_) != 0; }
  bool is_one() const { return fmpq_is_one(value_) != 0; }
  bool is_integer() const { return fmpz_is_one(fmpq_denref(value_)) != 0; }
  int sign() const { return fmpq_sgn(value_); }
  /// Bits of numerator and denominator together.
  int64_t num_bits() const { return static_cast<int64_t>(fmpq_height_bits(value_)); }
  /// The value where it is an integer of at most 62 bits.
  std::optional<int64_t> small_integer() const;

  Rational numerator() const;
  Rational denominator() const;
  Rational floor() const;
  Rational abs() const;
  /// Exact arithmetic refuses integers of more bits than this.
  static constexpr int64_t kMaxBits = 1 << 16;
  /// Whether value^exponent stays within about kMaxBits: ask before `power`, as GMP ends the
  /// program over numbers that no memory holds.
  bool has_power(int64_t exponent) const;
  /// value^exponent; not 0 to a negative power.
  Rational power(int64_t exponent) const;
  double as_double() const;
  std::string str() const;

  fmpq* raw() { return value_; }
  const fmpq* raw() const { return value_; }

  friend Rational operator+(const Rational& a, const Rational& b);
  friend Rational operator-(const Rational& a, const Rational& b);
  friend Rational operator*(const Rational& a, const Rational& b);
  friend Rational operator/(const Rational& a, const Rational& b);  // b not 0
  Rational operator-() const;
  Rational& operator+=(const Rational& b);
  Rational& operator*=(const Rational& b);

  friend bool operator==(const Rational& a, const Rational& b) {
    return fmpq_equal(a.value_, b.value_) != 0;
  }
  friend bool operator<(const Rational& a, const Rational& b) {
    return fmpq_cmp(a.value_, b.value_) < 0;
  }
  friend bool operator<=(const Rational& a, const Rational& b) { return !(b < a); }
  friend bool operator>(const Rational& a, const Rational& b) { return b < a; }

 private:
  fmpq_t value_;
};

}  // namespace gradus::rewards::math
