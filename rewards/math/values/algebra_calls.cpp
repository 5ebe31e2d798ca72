#include <flint/fmpz.h>

#include <algorithm>
#include <utility>

#include "rewards/math/prepare.h"
#include "rewards/math/values/algebra.h"

namespace gradus::rewards::math {
namespace {

constexpr int64_t kMaxTerms = 10'000;     // of a sum or product that is added up one by one
constexpr int64_t kMaxFactorial = 3'000;  // larger ones are not written out
constexpr size_t kMaxDegree = 20;         // of a polynomial that is summed in closed form

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

std::optional<Fraction> Algebra::big_operator(const Tree& tree, const Node& node) {
  const Node& variable = tree.at(node.kids[1]);
  if (variable.kind != NodeKind::symbol && variable.kind != NodeKind::constant) return std::nullopt;
  const bool is_sum = node.name == "sum";
  const auto at = [&](const Fraction& value) {
    const auto outer = bound_.find(variable.name);
    const Maybe before = outer != bound_.end() ? Maybe(outer->second) : std::nullopt;
    bound_[variable.name] = value;
    Maybe result = canonical(tree, node.kids[0]);
    if (before) {
      bound_[variable.name] = *before;
    } else {
      bound_.erase(variable.name);
    }
    return result;
  };
  const auto as_written = [&]() -> Maybe {
    const auto body = at(*atom("bound variable"));
    if (!body) return std::nullopt;
    std::string key = node.name + "(" + text(*body);
    for (size_t i = 2; i < node.kids.size(); ++i) {
      const Node& bound = tree.at(node.kids[i]);
      const auto value = canonical(tree, node.kids[i]);
      if (!value && bound.kind != NodeKind::constant) return std::nullopt;
      key += "; " + (value ? text(*value) : bound.name);
    }
    return atom(key + ")");
  };
  if (node.kids.size() < 4) return as_written();
  const auto from = canonical(tree, node.kids[2]);
  const auto to = from ? canonical(tree, node.kids[3]) : std::nullopt;
  if (!to) return as_written();
  const auto first = constant_of(*from);
  const auto last = constant_of(*to);
  if (first && last && first->is_integer() && last->is_integer()) {
    const Rational count = *last - *first + Rational(1);
    if (count.sign() <= 0) return whole(Rational(is_sum ? 0 : 1));
    if (count <= Rational(kMaxTerms)) {
      const int64_t size = count.small_integer().value_or(0);
      Fraction total = whole(Rational(is_sum ? 0 : 1));
      for (int64_t i = 0; i < size; ++i) {
        const auto term = at(whole(*first + Rational(i)));
        const auto next = !term ? std::nullopt : is_sum ? plus(total, *term) : times(total, *term);
        if (!next) return std::nullopt;
        total = *next;
        const int64_t bits = total.top.is_zero() ? 0 : total.top.terms[0].coefficient.num_bits();
        if (bits > Rational::kMaxBits || !work_.spend(1 + bits / 64)) return as_written();
      }
      return total;
    }
  }
  if (!is_sum) return as_written();
  // Newton's forward differences: sum of f over N values from a = sum_j (D^j f)(a) C(N, j+1).
  const auto body = at(*atom("bound variable"));
  if (!body || !body->bottom.constant()) return as_written();
  const AtomId index = atoms_.other("bound variable");
  size_t degree = 0;
  for (const Term& term : body->top.terms) {
    for (const Factor& factor : term.monomial) {
      const bool is_index = factor.atom == index;
      const std::string& key = atoms_.at(factor.atom).key;
      if (!is_index && (key[0] == '#' || key.find("bound variable") != std::string::npos)) {
        return as_written();
      }
      if (!is_index) continue;
      const auto power = factor.exponent.small_integer();
      if (!power || *power < 0 || *power > static_cast<int64_t>(kMaxDegree)) return as_written();
      degree = std::max(degree, static_cast<size_t>(*power));
    }
  }
  std::vector<Fraction> values;
  for (size_t j = 0; j <= degree; ++j) {
    const auto position = plus(*from, whole(Rational(static_cast<int64_t>(j))));
    const auto value = position ? at(*position) : std::nullopt;
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  const auto span = difference(*to, *from);
  const auto count = span ? plus(*span, whole(Rational(1))) : std::nullopt;
  if (!count) return std::nullopt;
  Fraction total = whole(Rational(0));
  Fraction choose = *count;  // C(N, 1)
  for (size_t j = 0; j <= degree; ++j) {
    const auto term = times(values[0], choose);
    const auto next = term ? plus(total, *term) : std::nullopt;
    if (!next) return std::nullopt;
    total = *next;
    for (size_t k = 0; k + 1 < values.size(); ++k) {
      const auto step = difference(values[k + 1], values[k]);
      if (!step) return std::nullopt;
      values[k] = *step;
    }
    values.pop_back();
    const auto shifted = plus(*count, whole(Rational(-static_cast<int64_t>(j + 1))));
    if (!shifted) return std::nullopt;
    const auto scaled = times(*shifted, whole(Rational(1, static_cast<uint64_t>(j + 2))));
    const auto wider = scaled ? times(choose, *scaled) : std::nullopt;
    if (!wider) return std::nullopt;
    choose = *wider;
  }
  return total;
}

/// Integrals of sums of powers of the variable, between bounds or with the constant left out.
std::optional<Fraction> Algebra::integral(const Tree& tree, const Node& node) {
  const std::string& variable = tree.at(node.kids[1]).name;
  const auto body = canonical(tree, node.kids[0]);
  if (!body) return std::nullopt;
  const auto as_written = [&]() -> Maybe {
    std::string key = "integral(" + text(*body) + "; " + variable;
    for (size_t i = 2; i < node.kids.size(); ++i) {
      const auto bound = canonical(tree, node.kids[i]);
      key += "; " + (bound ? text(*bound) : tree.at(node.kids[i]).name);
    }
    return atom(key + ")");
  };
  const AtomId x = atoms_.other(variable);
  if (!body->bottom.constant()) return as_written();
  const auto is_about = [&](const std::string& key) {
    return key[0] == '#' || (key != variable && key.find(variable) != std::string::npos);
  };
  std::vector<std::pair<Term, Rational>> parts;  // the antiderivative without x, its power of x
  for (const Term& term : body->top.terms) {
    Term constant{term.coefficient / *body->bottom.constant(), {}};
    Rational power(0);
    for (const Factor& factor : term.monomial) {
      if (factor.atom == x) {
        power = factor.exponent;
      } else if (is_about(atoms_.at(factor.atom).key)) {
        return as_written();
      } else {
        constant.monomial.push_back(factor);
      }
    }
    const Rational raised = power + Rational(1);
    if (raised.is_zero()) return as_written();
    constant.coefficient = constant.coefficient / raised;
    parts.emplace_back(constant, raised);
  }
  if (node.kids.size() < 4) return as_written();
  const auto from = canonical(tree, node.kids[2]);
  const auto to = from ? canonical(tree, node.kids[3]) : std::nullopt;
  if (!to) return as_written();
  Fraction total = whole(Rational(0));
  for (const auto& [constant, raised] : parts) {
    const auto upper = power(*to, whole(raised), false);
    const auto lower = upper ? power(*from, whole(raised), false) : std::nullopt;
    const auto span = lower ? difference(*upper, *lower) : std::nullopt;
    const auto part = span ? times(*span, single(constant)) : std::nullopt;
    const auto next = part ? plus(total, *part) : std::nullopt;
    if (!next) return std::nullopt;
    total = *next;
  }
  return total;
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
