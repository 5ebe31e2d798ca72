#include "rewards/profiles/python_arithmetic.h"

#include <cmath>

namespace gradus::rewards::profiles {
namespace {

using boost::multiprecision::cpp_int;
using boost::multiprecision::cpp_rational;
using Number = std::optional<PythonNumber>;

constexpr size_t kMostPythonCharacters = 4000;
constexpr unsigned kMostBits = 4096;
constexpr int kMostBrackets = 200;  // within each other: Python's own parser takes no more

const cpp_int* as_int(const PythonNumber& number) {
  return std::get_if<cpp_int>(&number);
}

unsigned bits_of(const cpp_int& value) {
  return value == 0 ? 0 : boost::multiprecision::msb(abs(value)) + 1;
}

// float(int): OverflowError past the range of a double.
std::optional<double> to_double(const PythonNumber& number) {
  const cpp_int* integer = as_int(number);
  const double value =
      integer != nullptr ? integer->convert_to<double>() : std::get<double>(number);
  if (integer != nullptr && std::isinf(value)) return std::nullopt;
  return value;
}

Number bounded(cpp_int value) {
  if (bits_of(value) > kMostBits) return std::nullopt;
  return PythonNumber(std::move(value));
}

template <class OnInts, class OnDoubles>
Number combine(const PythonNumber& a, const PythonNumber& b, OnInts on_ints, OnDoubles on_doubles) {
  if (as_int(a) != nullptr && as_int(b) != nullptr) return bounded(on_ints(*as_int(a), *as_int(b)));
  const auto x = to_double(a);
  const auto y = to_double(b);
  if (!x || !y) return std::nullopt;
  return PythonNumber(on_doubles(*x, *y));
}

Number divided(const PythonNumber& a, const PythonNumber& b) {
  if (as_int(a) != nullptr && as_int(b) != nullptr) {
    if (*as_int(b) == 0) return std::nullopt;
    // Boost's fractions take no negative denominators.
    const cpp_int above = *as_int(b) < 0 ? cpp_int(-*as_int(a)) : *as_int(a);
    const cpp_int below = abs(*as_int(b));
    const double value = cpp_rational(above, below).convert_to<double>();
    return std::isinf(value) ? Number() : Number(value);
  }
  const auto x = to_double(a);
  const auto y = to_double(b);
  if (!x || !y || *y == 0) return std::nullopt;
  return PythonNumber(*x / *y);
}

cpp_int floor_quotient(const cpp_int& a, const cpp_int& b) {
  cpp_int quotient = a / b;
  if (a % b != 0 && (a < 0) != (b < 0)) --quotient;
  return quotient;
}

/// As Python's float_floor_div: by way of the remainder, so that 1 // 0.1 is 9.
double floor_of_quotient(double x, double y) {
  const double remainder = std::fmod(x, y);
  double quotient = (x - remainder) / y;
  if (remainder != 0 && (y < 0) != (remainder < 0)) quotient -= 1;
  const double floor = std::floor(quotient);
  return quotient - floor > 0.5 ? floor + 1 : floor;
}

Number floor_divided(const PythonNumber& a, const PythonNumber& b) {
  if (as_int(b) != nullptr && *as_int(b) == 0) return std::nullopt;
  if (as_int(b) == nullptr && std::get<double>(b) == 0) return std::nullopt;
  return combine(a, b, floor_quotient, floor_of_quotient);
}

Number int_power(const cpp_int& base, const cpp_int& exponent) {
  if (exponent == 0) return PythonNumber(cpp_int(1));
  if (base == 0 || base == 1) return PythonNumber(base);
  if (base == -1) return PythonNumber(cpp_int(bit_test(exponent, 0) ? -1 : 1));
  // |base| >= 2: the power has at least (bits - 1) * exponent bits.
  if (exponent > kMostBits || (bits_of(base) - 1) * exponent > kMostBits) return std::nullopt;
  return bounded(pow(base, exponent.convert_to<unsigned>()));
}

Number raised(const PythonNumber& a, const PythonNumber& b) {
  if (as_int(a) != nullptr && as_int(b) != nullptr && *as_int(b) >= 0) {
    return int_power(*as_int(a), *as_int(b));
  }
  const auto x = to_double(a);
  const auto y = to_double(b);
  if (!x || !y || (*x == 0 && *y < 0)) return std::nullopt;
  const double value = std::pow(*x, *y);
  // A negative base with a fraction above gives a complex number; too large an OverflowError.
  if (std::isnan(value) || (std::isinf(value) && !std::isinf(*x) && !std::isinf(*y))) {
    return std::nullopt;
  }
  return PythonNumber(value);
}

/// Recursive descent over Python's grammar of arithmetic:
///   sum := product (("+" | "-") product)*
///   product := signed (("*" | "/" | "//") signed)*
///   signed := ("+" | "-") signed | power
///   power := atom ("**" signed)?
///   atom := number | "(" sum ")"
class ArithmeticParser {
 public:
  explicit ArithmeticParser(TextView text) : text_(text) {}

  Number all() {
    Number value = sum();
    skip_spaces();
    return at_ == text_.size() ? value : Number();
  }

 private:
  // Parsing goes on past a value that does not exist (x/0), as a syntax error further on makes
  // no difference: both are "no value".
  Number sum() {
    Number left = product();
    while (true) {
      const char32_t sign = peek();
      if (sign != U'+' && sign != U'-') return left;
      ++at_;
      const Number right = product();
      if (!left || !right) return fail();
      left = sign == U'+' ? combine(
                                *left, *right, [](auto& a, auto& b) { return cpp_int(a + b); },
                                [](double x, double y) { return x + y; })
                          : combine(
                                *left, *right, [](auto& a, auto& b) { return cpp_int(a - b); },
                                [](double x, double y) { return x - y; });
    }
  }

  Number product() {
    Number left = signed_value();
    while (true) {
      const char32_t sign = peek();
      if (sign != U'*' && sign != U'/') return left;
      if (sign == U'*' && next_is(U'*')) return fail();  // taken by power(): astray here
      const bool is_floor = sign == U'/' && next_is(U'/');
      at_ += is_floor ? 2 : 1;
      const Number right = signed_value();
      if (!left || !right) return fail();
      if (sign == U'*') {
        left = combine(
            *left, *right, [](auto& a, auto& b) { return cpp_int(a * b); },
            [](double x, double y) { return x * y; });
      } else {
        left = is_floor ? floor_divided(*left, *right) : divided(*left, *right);
      }
      if (!left) return fail();
    }
  }

  Number signed_value() {
    bool is_negative = false;
    char32_t sign = peek();
    bool has_sign = false;
    while (sign == U'+' || sign == U'-') {
      has_sign = true;
      is_negative ^= sign == U'-';
      ++at_;
      sign = peek();
    }
    Number value = power();
    if (!value || !has_sign || !is_negative) return value;
    if (as_int(*value) != nullptr) return PythonNumber(cpp_int(-*as_int(*value)));
    return PythonNumber(-std::get<double>(*value));
  }

  Number power() {
    const Number base = atom();
    if (peek() != U'*' || !next_is(U'*')) return base;
    at_ += 2;
    const Number exponent = signed_value();
    return base && exponent ? raised(*base, *exponent) : fail();
  }

  Number atom() {
    if (peek() != U'(') return number();
    if (++num_open_ > kMostBrackets) return fail();
    ++at_;
    const Number value = sum();
    if (peek() != U')') return fail();
    ++at_;
    --num_open_;
    return value;
  }

  Number number() {
    const size_t start = at_;
    bool has_point = false;
    while (at_ < text_.size() &&
           ((text_[at_] >= U'0' && text_[at_] <= U'9') || (text_[at_] == U'.' && !has_point))) {
      has_point |= text_[at_] == U'.';
      ++at_;
    }
    const TextView digits = text_.substr(start, at_ - start);
    if (digits.empty() || digits == U".") return fail();
    if (has_point) {
      const auto value = to_float(digits);
      return value ? Number(PythonNumber(*value)) : fail();
    }
    // "012" is a syntax error, "00" is zero.
    if (digits.front() == U'0' && digits.find_first_not_of(U'0') != TextView::npos) return fail();
    if (digits.size() > kMostBits / 4) return fail();
    cpp_int value = 0;
    for (const char32_t c : digits) value = value * 10 + static_cast<int>(c - U'0');
    return PythonNumber(value);
  }

  Number fail() {
    at_ = text_.size();
    return std::nullopt;
  }

  void skip_spaces() {
    // Within brackets a line may end.
    const TextView spaces = num_open_ > 0 ? U" \t\f\r\n" : U" \t\f";
    while (at_ < text_.size() && contains(spaces, text_.substr(at_, 1))) ++at_;
  }

  char32_t peek() {
    skip_spaces();
    return at_ < text_.size() ? text_[at_] : U'\0';
  }

  bool next_is(char32_t c) const { return at_ + 1 < text_.size() && text_[at_ + 1] == c; }

  TextView text_;
  size_t at_ = 0;
  int num_open_ = 0;  // brackets
};

}  // namespace

std::optional<PythonNumber> evaluate_python_arithmetic(TextView text) {
  if (text.size() > kMostPythonCharacters) return std::nullopt;
  return ArithmeticParser(text).all();
}

}  // namespace gradus::rewards::profiles
