#include <flint/fmpz.h>

#include <algorithm>
#include <utility>

#include "rewards/math/prepare.h"
#include "rewards/math/values/algebra.h"

namespace gradus::rewards::math {
namespace {

constexpr int64_t kMaxFactorial = 3'000;  // larger ones are not written out

Rational rounded_up(const Rational& value) {
  return -((-value).floor());
}

Rational greatest_common_divisor(const Rational& a, const Rational& b) {
  Rational result;
  fmpz_gcd(fmpq_numref(result.raw()), fmpq_numref(a.raw()), fmpq_numref(b.raw()));
  return result;
}

/// m where value = m^k for an integer k that makes the logarithm rational; see log.
std::optional<Rational> rational_logarithm(const Rational& value, const Rational& base) {
  if (value.sign() <= 0 || base.sign() <= 0 || base.is_one()) return std::nullopt;
  Rational power(1);
  const bool is_inverse = (value < Rational(1)) != (base < Rational(1));
  const Rational target = is_inverse ? Rational(1) / value : value;
  for (int64_t k = 0; k < 64; ++k) {
    if (power == target) return Rational(is_inverse ? -k : k);
    power = power * base;
    if (power.num_bits() > 2 * target.num_bits() + 64) break;
  }
  return std::nullopt;
}

}  // namespace

/// Functions of numbers that have exact values.
std::optional<Fraction> Algebra::number_call(const std::string& name,
                                             const std::vector<Rational>& arguments) {
  const Rational& x = arguments[0];
  if (name == "abs") return whole(x.abs());
  if (name == "floor") return whole(x.floor());
  if (name == "ceil") return whole(rounded_up(x));
  if (name == "sgn") return whole(Rational(x.sign()));
  if (name == "max" || name == "min") {
    Rational best = x;
    for (const Rational& other : arguments) {
      if (name == "max" ? best < other : other < best) best = other;
    }
    return whole(best);
  }
  if (name == "gcd" || name == "lcm") {
    Rational result = x.abs();
    for (const Rational& other : arguments) {
      if (!other.is_integer()) return std::nullopt;
      const Rational divisor = greatest_common_divisor(result, other);
      if (name == "gcd") {
        result = divisor;
      } else if (divisor.is_zero()) {
        return whole(Rational(0));
      } else {
        result = (result * other / divisor).abs();
      }
    }
    return whole(result);
  }
  if (name == "re") return whole(x);
  if (name == "im") return whole(Rational(0));
  if (name == "ln" || name == "log") {
    if (x.is_zero()) {
      is_undefined_ = true;
      return std::nullopt;
    }
    if (name == "ln") return x.is_one() ? std::optional(whole(Rational(0))) : std::nullopt;
    const Rational base = arguments.size() > 1 ? arguments[1] : Rational(10);
    const auto exact = rational_logarithm(x, base);
    return exact ? std::optional(whole(*exact)) : std::nullopt;
  }
  const bool is_zero = x.is_zero();
  if (is_zero && (name == "sin" || name == "tan" || name == "sinh" || name == "tanh" ||
                  name == "arcsin" || name == "arctan")) {
    return whole(Rational(0));
  }
  if (is_zero && (name == "cos" || name == "cosh" || name == "sec")) return whole(Rational(1));
  return std::nullopt;
}

std::optional<Fraction> Algebra::factorial(const Fraction& argument, bool is_double) {
  const auto value = constant_of(argument);
  const auto n = value ? value->small_integer() : std::nullopt;
  if (value && !value->is_integer()) return std::nullopt;
  if (value && value->sign() < 0) {
    is_undefined_ = true;
    return std::nullopt;
  }
  if (n && *n <= kMaxFactorial) {
    Rational product(1);
    if (is_double) {
      for (int64_t k = *n; k > 1; k -= 2) product = product * Rational(k);
    } else {
      fmpz_fac_ui(fmpq_numref(product.raw()), static_cast<ulong>(*n));
    }
    if (!work_.spend(*n)) return std::nullopt;
    return whole(product);
  }
  if (n && !is_double) {  // 100000001! is 100000001 times 100000000!
    constexpr int64_t kNear = 200;
    for (const int64_t other : large_factorials_) {
      if (*n == other || *n - other > kNear || other - *n > kNear) continue;
      Fraction product = whole(Rational(1));
      for (int64_t k = std::min(*n, other) + 1; k <= std::max(*n, other); ++k) {
        product = *times(product, whole(Rational(k)));
      }
      const auto base = atom("factorial(" + std::to_string(other) + ")");
      return base ? (*n > other ? times(*base, product) : over(*base, product)) : std::nullopt;
    }
    large_factorials_.push_back(*n);
  }
  return atom((is_double ? "double factorial(" : "factorial(") + text(argument) + ")");
}

std::optional<Fraction> Algebra::binomial(const Fraction& top, const Fraction& bottom) {
  const auto k_value = constant_of(bottom);
  const auto n_value = constant_of(top);
  const auto k = k_value ? k_value->small_integer() : std::nullopt;
  const auto n = n_value ? n_value->small_integer() : std::nullopt;
  if (n && k && *n >= 0) {
    if (*k < 0 || *k > *n) return whole(Rational(0));
    if (*n <= kMaxFactorial) {
      Rational value;
      fmpz_bin_uiui(fmpq_numref(value.raw()), static_cast<ulong>(*n), static_cast<ulong>(*k));
      if (!work_.spend(*n)) return std::nullopt;
      return whole(value);
    }
  }
  if (k && *k >= 0 && *k <= 12 && !n) {
    // n (n-1) ... (n-k+1) / k!
    Fraction product = whole(Rational(1));
    for (int64_t i = 0; i < *k; ++i) {
      const auto factor = plus(top, whole(Rational(-i)));
      const auto scaled =
          factor ? times(*factor, whole(Rational(1, static_cast<uint64_t>(i + 1)))) : std::nullopt;
      const auto next = scaled ? times(product, *scaled) : std::nullopt;
      if (!next) return std::nullopt;
      product = *next;
    }
    return product;
  }
  return atom("binom(" + text(top) + ", " + text(bottom) + ")");
}

/// The remainder of an integer expression without writing it out: powers by squaring.
std::optional<Rational> Algebra::residue(const Tree& tree, int32_t id, const Rational& modulus) {
  if (!work_.spend(2)) return std::nullopt;
  const Node& node = tree.at(id);
  const auto reduced = [&](const Rational& value) {
    return value - modulus * (value / modulus).floor();
  };
  switch (node.kind) {
    case NodeKind::number:
      return node.value.is_integer() ? std::optional(reduced(node.value)) : std::nullopt;
    case NodeKind::negate: {
      const auto value = residue(tree, node.kids[0], modulus);
      return value ? std::optional(reduced(-*value)) : std::nullopt;
    }
    case NodeKind::add:
    case NodeKind::multiply: {
      Rational total(node.kind == NodeKind::add ? 0 : 1);
      for (const int32_t kid : node.kids) {
        const auto value = residue(tree, kid, modulus);
        if (!value) return std::nullopt;
        total = reduced(node.kind == NodeKind::add ? total + *value : total * *value);
      }
      return total;
    }
    case NodeKind::power: {
      const auto base = residue(tree, node.kids[0], modulus);
      const auto exponent = base ? canonical(tree, node.kids[1]) : std::nullopt;
      const auto power = exponent ? constant_of(*exponent) : std::nullopt;
      if (!power || !power->is_integer() || power->sign() < 0) return std::nullopt;
      Rational result;
      fmpz_powm(fmpq_numref(result.raw()), fmpq_numref(base->raw()), fmpq_numref(power->raw()),
                fmpq_numref(modulus.raw()));
      return result;
    }
    default: {
      const auto value = canonical(tree, id);
      const auto exact = value ? constant_of(*value) : std::nullopt;
      return exact && exact->is_integer() ? std::optional(reduced(*exact)) : std::nullopt;
    }
  }
}

std::optional<Fraction> Algebra::modulo(const Tree& tree, const Node& node) {
  const auto divisor = canonical(tree, node.kids[1]);
  const auto modulus = divisor ? constant_of(*divisor) : std::nullopt;
  if (divisor && !symbols_in(tree, node.kids[0]).empty()) {  // a mod b is kept as it is
    const auto dividend = canonical(tree, node.kids[0]);
    return dividend ? atom("mod(" + text(*dividend) + ", " + text(*divisor) + ")") : std::nullopt;
  }
  if (!modulus || !modulus->is_integer() || modulus->sign() <= 0) return std::nullopt;
  const auto value = residue(tree, node.kids[0], *modulus);
  return value ? std::optional(whole(*value)) : std::nullopt;
}

}  // namespace gradus::rewards::math
