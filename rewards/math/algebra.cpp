#include "rewards/math/algebra.h"

#include <array>
#include <utility>

namespace gradus::rewards::math {
namespace {

/// Splits |n| into primes up to 1,000 and what is left; what is left stands as if it were prime.
std::vector<std::pair<Rational, int64_t>> factors_of(const Rational& n) {
  std::vector<std::pair<Rational, int64_t>> factors;
  fmpz_t rest;
  fmpz_init_set(rest, fmpq_numref(n.raw()));
  fmpz_abs(rest, rest);
  for (ulong p = 2; p < 1000 && fmpz_cmp_ui(rest, 1) > 0; p += p == 2 ? 1 : 2) {
    int64_t count = 0;
    while (fmpz_divisible_si(rest, static_cast<slong>(p)) != 0) {
      fmpz_divexact_ui(rest, rest, p);
      ++count;
    }
    if (count > 0) factors.emplace_back(Rational(static_cast<int64_t>(p)), count);
  }
  if (fmpz_cmp_ui(rest, 1) > 0) {
    // A perfect power of a large number.
    int64_t count = 1;
    for (const slong k : {2, 3, 5, 7}) {
      fmpz_t root;
      fmpz_init(root);
      while (fmpz_root(root, rest, k) != 0) {
        fmpz_swap(rest, root);
        count *= k;
      }
      fmpz_clear(root);
    }
    Rational left;
    fmpz_set(fmpq_numref(left.raw()), rest);
    factors.emplace_back(left, count);
  }
  fmpz_clear(rest);
  return factors;
}

bool is_trigonometric(const std::string& name) {
  constexpr std::array<std::string_view, 6> kNames{"sin", "cos", "tan", "cot", "sec", "csc"};
  for (const auto known : kNames) {
    if (name == known) return true;
  }
  return false;
}

bool is_odd_function(const std::string& name) {
  return name == "sin" || name == "tan" || name == "cot" || name == "csc" || name == "sinh" ||
         name == "tanh" || name == "arcsin" || name == "arctan" || name == "arsinh" ||
         name == "artanh";
}

}  // namespace

Fraction whole(const Rational& value) {
  return {constant_polynomial(value), constant_polynomial(Rational(1))};
}

std::optional<Rational> constant_of(const Fraction& fraction) {
  const auto top = fraction.top.constant();
  const auto bottom = fraction.bottom.constant();
  if (!top || !bottom) return std::nullopt;
  return *top / *bottom;
}

std::optional<Fraction> Algebra::atom(const std::string& key) {
  constexpr size_t kFreeKey = 64;  // names and constants cost nothing
  if (key.size() > kFreeKey && !work_.spend(static_cast<int64_t>(key.size() / 32))) {
    return std::nullopt;
  }
  return Fraction{atom_polynomial(atoms_.other(key)), constant_polynomial(Rational(1))};
}

std::string Algebra::text(const Fraction& fraction) const {
  const auto bottom = fraction.bottom.constant();
  if (bottom && bottom->is_one()) return text_of(fraction.top, atoms_);
  return "(" + text_of(fraction.top, atoms_) + ")/(" + text_of(fraction.bottom, atoms_) + ")";
}

std::optional<Fraction> Algebra::plus(const Fraction& a, const Fraction& b) {
  if (same(a.bottom, b.bottom)) return Fraction{sum_of(a.top, b.top), a.bottom};
  const auto left = product_of(a.top, b.bottom, atoms_, work_);
  if (!left) return std::nullopt;
  const auto right = product_of(b.top, a.bottom, atoms_, work_);
  if (!right) return std::nullopt;
  const auto bottom = product_of(a.bottom, b.bottom, atoms_, work_);
  if (!bottom) return std::nullopt;
  return Fraction{sum_of(*left, *right), *bottom};
}

std::optional<Fraction> Algebra::times(const Fraction& a, const Fraction& b) {
  const auto top = product_of(a.top, b.top, atoms_, work_);
  if (!top) return std::nullopt;
  const auto bottom = product_of(a.bottom, b.bottom, atoms_, work_);
  if (!bottom) return std::nullopt;
  if (!top->terms.empty() && top->terms[0].coefficient.num_bits() > 4 * kMaxBits) {
    work_.spend(1'000'000'000);
    return std::nullopt;
  }
  return Fraction{*top, *bottom};
}

std::optional<Fraction> Algebra::over(const Fraction& a, const Fraction& b) {
  if (b.top.is_zero()) {
    is_undefined_ = true;
    return std::nullopt;
  }
  if (b.top.terms.size() == 1) {  // a single term moves up
    Polynomial inverse;
    inverse.terms.push_back(inverse_of(b.top.terms[0], atoms_));
    auto bottom = product_of(b.bottom, inverse, atoms_, work_);
    if (!bottom) return std::nullopt;
    return times(a, {std::move(*bottom), constant_polynomial(Rational(1))});
  }
  return times(a, {b.bottom, b.top});
}

std::optional<bool> Algebra::equal(const Fraction& a, const Fraction& b) {
  if (same(a.bottom, b.bottom)) return same(a.top, b.top);
  const auto left = product_of(a.top, b.bottom, atoms_, work_);
  if (!left) return std::nullopt;
  const auto right = product_of(b.top, a.bottom, atoms_, work_);
  if (!right) return std::nullopt;
  return same(*left, *right);
}

std::optional<Fraction> Algebra::difference(const Fraction& a, const Fraction& b) {
  return plus(a, {negated(b.top), b.bottom});
}

namespace {

/// Divides by the least power of each atom that is in every term (absent counts as 0).
Polynomial cleared(const Polynomial& polynomial, const Atoms& atoms) {
  std::map<AtomId, std::pair<Rational, size_t>> least;
  for (const Term& term : polynomial.terms) {
    for (const Factor& factor : term.monomial) {
      auto [found, is_new] = least.try_emplace(factor.atom, factor.exponent, 0);
      if (factor.exponent < found->second.first) found->second.first = factor.exponent;
      ++found->second.second;
    }
  }
  Term divisor{Rational(1), {}};
  for (const auto& [atom, power] : least) {
    if (atoms.at(atom).kind != Atom::Kind::other) continue;
    const bool is_everywhere = power.second == polynomial.terms.size();
    const Rational exponent = is_everywhere || power.first.sign() < 0 ? power.first : Rational(0);
    if (!exponent.is_zero()) divisor.monomial.push_back({atom, exponent});
  }
  const Term inverse = inverse_of(divisor, atoms);
  std::vector<Term> terms;
  for (const Term& term : polynomial.terms) terms.push_back(product_of(term, inverse, atoms));
  return collected(std::move(terms));
}

}  // namespace

std::optional<Rational> Algebra::factor_between(const Fraction& a, const Fraction& b,
                                                bool keeps_sign) {
  const Polynomial x = keeps_sign ? a.top : cleared(a.top, atoms_);
  const Polynomial y = keeps_sign ? b.top : cleared(b.top, atoms_);
  if (keeps_sign && !same(a.bottom, b.bottom)) return std::nullopt;
  if (x.is_zero() || x.terms.size() != y.terms.size()) return std::nullopt;
  const Rational factor = x.terms[0].coefficient / y.terms[0].coefficient;
  for (size_t i = 0; i < x.terms.size(); ++i) {
    if (x.terms[i].monomial != y.terms[i].monomial) return std::nullopt;
    if (!(x.terms[i].coefficient == factor * y.terms[i].coefficient)) return std::nullopt;
  }
  return factor;
}

std::optional<Fraction> Algebra::sum(const Tree& tree, const std::vector<int32_t>& kids) {
  // Terms over one denominator are collected at once: a long sum is one sort.
  std::vector<Term> terms;
  Maybe rest;
  for (const int32_t kid : kids) {
    auto value = canonical(tree, kid);
    if (!value) return std::nullopt;
    if (!work_.spend(1 + static_cast<int64_t>(value->top.terms.size()))) return std::nullopt;
    const auto bottom = value->bottom.constant();
    if (bottom && bottom->is_one()) {
      for (Term& term : value->top.terms) terms.push_back(std::move(term));
    } else {
      rest = rest ? plus(*rest, *value) : std::move(value);
      if (!rest) return std::nullopt;
    }
  }
  Fraction flat{collected(std::move(terms)), constant_polynomial(Rational(1))};
  return rest ? plus(*rest, flat) : flat;
}

std::optional<Fraction> Algebra::product(const Tree& tree, const std::vector<int32_t>& kids) {
  Fraction result = whole(Rational(1));
  for (const int32_t kid : kids) {
    const auto factor = canonical(tree, kid);
    if (!factor) return std::nullopt;
    auto next = times(result, *factor);
    if (!next) return std::nullopt;
    result = std::move(*next);
  }
  return result;
}

std::optional<Fraction> Algebra::integer_power(const Fraction& base, int64_t exponent) {
  if (exponent < 0) {
    const auto inverse = over(whole(Rational(1)), base);
    return inverse ? integer_power(*inverse, -exponent) : std::nullopt;
  }
  const bool is_single = base.top.terms.size() <= 1 && base.bottom.terms.size() <= 1;
  // A sum of t terms to the n has up to C(n + t - 1, n) terms: many are not written out.
  constexpr double kManyTerms = 1'000;
  double num_terms = 1;
  const auto terms = static_cast<double>(base.top.terms.size());
  for (double k = 1; k < terms && num_terms <= kManyTerms; ++k) {
    num_terms *= (static_cast<double>(exponent) + k) / k;
  }
  if (!is_single && (exponent > 200 || num_terms > kManyTerms)) return std::nullopt;
  if (is_single && !base.top.is_zero()) {
    const Term& term = base.top.terms[0];
    if (term.coefficient.num_bits() > 1 && term.coefficient.num_bits() * exponent > kMaxBits) {
      return std::nullopt;
    }
    Term powered{term.coefficient.power(exponent), {}};
    for (const Factor& factor : term.monomial) {
      Term part{Rational(1), {}};
      part.monomial.push_back({factor.atom, factor.exponent * Rational(exponent)});
      powered = product_of(
          powered, product_of(part, {Rational(1), {{factor.atom, Rational(0)}}}, atoms_), atoms_);
    }
    Polynomial top;
    top.terms.push_back(std::move(powered));
    return Fraction{top, constant_polynomial(base.bottom.constant()->power(exponent))};
  }
  Fraction result = whole(Rational(1));
  Fraction square = base;
  for (int64_t left = exponent; left > 0; left /= 2) {
    if (left % 2 == 1) {
      auto next = times(result, square);
      if (!next) return std::nullopt;
      result = std::move(*next);
    }
    if (left > 1) {
      auto next = times(square, square);
      if (!next) return std::nullopt;
      square = std::move(*next);
    }
  }
  return result;
}

std::optional<Fraction> Algebra::rational_power(const Rational& base, const Rational& exponent,
                                                bool is_real_root) {
  if (base.is_zero()) {
    if (exponent.sign() > 0) return whole(Rational(0));
    is_undefined_ = true;
    return std::nullopt;
  }
  if (base.num_bits() > 4096) return std::nullopt;
  Term term{Rational(1), {}};
  const auto multiply = [&](AtomId atom, const Rational& power) {
    Term part{Rational(1), {{atom, power}}};
    term = product_of(product_of(part, {Rational(1), {{atom, Rational(0)}}}, atoms_), term, atoms_);
  };
  const auto small = [](const Rational& value) { return value.abs() < Rational(1 << 20); };
  if (!small(exponent)) return std::nullopt;
  for (const auto& [prime, count] : factors_of(base.numerator())) {
    multiply(atoms_.prime(prime), exponent * Rational(count));
  }
  for (const auto& [prime, count] : factors_of(base.denominator())) {
    multiply(atoms_.prime(prime), -(exponent * Rational(count)));
  }
  if (base.sign() < 0) {
    const auto index = exponent.denominator().small_integer().value_or(2);
    if (is_real_root && index % 2 == 1) {
      const auto top = exponent.numerator().small_integer().value_or(1);
      if (top % 2 != 0) term.coefficient = -term.coefficient;
    } else {
      multiply(atoms_.imaginary(), exponent * Rational(2));
    }
  }
  Polynomial top;
  top.terms.push_back(std::move(term));
  return Fraction{top, constant_polynomial(Rational(1))};
}

/// (c x^a y^b)^q for positive c: factors with even powers under an even root are taken absolute.
std::optional<Fraction> Algebra::root_of_term(const Term& term, const Rational& exponent,
                                              bool is_real_root) {
  auto result = rational_power(term.coefficient, exponent, is_real_root);
  if (!result) return std::nullopt;
  const bool is_even = exponent.denominator().small_integer().value_or(2) % 2 == 0;
  for (const Factor& factor : term.monomial) {
    const Rational power = factor.exponent * exponent;
    const bool was_even =
        factor.exponent.is_integer() && factor.exponent.small_integer().value_or(1) % 2 == 0;
    AtomId atom = factor.atom;
    if (is_even && was_even && atoms_.at(atom).kind == Atom::Kind::other) {
      atom = atoms_.other("abs(" + atoms_.at(atom).key + ")");
    }
    Polynomial part;
    part.terms.push_back(
        product_of({Rational(1), {{atom, power}}}, {Rational(1), {{atom, Rational(0)}}}, atoms_));
    result = times(*result, {part, constant_polynomial(Rational(1))});
    if (!result) return std::nullopt;
  }
  return result;
}

/// base^exponent where the exponent holds symbols: one atom for each of its terms.
std::optional<Fraction> Algebra::exponential(const Fraction& base, const Fraction& exponent) {
  const auto bottom = exponent.bottom.constant();
  if (!bottom) return atom("(" + text(base) + ")^(" + text(exponent) + ")");
  Fraction result = whole(Rational(1));
  for (const Term& term : exponent.top.terms) {
    const Rational coefficient = term.coefficient / *bottom;
    Maybe part;
    if (term.monomial.empty()) {
      part = power(base, whole(coefficient), false);
    } else {
      Polynomial unit;
      unit.terms.push_back({Rational(1), term.monomial});
      const std::string key = "(" + text(base) + ")^(" + text_of(unit, atoms_) + ")";
      part = Fraction{atom_polynomial(atoms_.other(key), coefficient),
                      constant_polynomial(Rational(1))};
    }
    if (!part) return std::nullopt;
    auto next = times(result, *part);
    if (!next) return std::nullopt;
    result = std::move(*next);
  }
  return result;
}

std::optional<Fraction> Algebra::power(const Fraction& base, const Fraction& exponent,
                                       bool is_real_root) {
  const auto q = constant_of(exponent);
  const auto b = constant_of(base);
  if (!q) {
    if (b && b->is_one()) return base;
    if (b && b->sign() > 0 && !b->is_zero() && b->num_bits() < 4096) {
      // 6^n = 2^n 3^n
      Fraction result = whole(Rational(1));
      for (const bool is_top : {true, false}) {
        for (const auto& [prime, count] : factors_of(is_top ? b->numerator() : b->denominator())) {
          const auto scaled = times(exponent, whole(Rational(is_top ? count : -count)));
          const auto part = scaled ? exponential(whole(prime), *scaled) : std::nullopt;
          if (!part) return std::nullopt;
          auto next = times(result, *part);
          if (!next) return std::nullopt;
          result = std::move(*next);
        }
      }
      return result;
    }
    return exponential(base, exponent);
  }
  if (b && b->is_zero() && q->sign() <= 0) {
    is_undefined_ = true;
    return std::nullopt;
  }
  if (q->is_zero()) return whole(Rational(1));
  if (q->is_one()) return base;
  if (q->is_integer()) {
    const auto n = q->small_integer();
    if (b && (b->is_one() || b->is_zero())) return base;
    Maybe result = n ? integer_power(base, *n) : std::nullopt;
    if (result || work_.is_spent()) return result;
    return atom("(" + text(base) + ")^(" + q->str() + ")");  // too large to be written out
  }
  if (b) return rational_power(*b, *q, is_real_root);
  if (base.top.terms.size() == 1 && base.bottom.constant()) {
    Term term = base.top.terms[0];
    term.coefficient = term.coefficient / *base.bottom.constant();
    const bool is_safe = term.coefficient.sign() > 0 || is_real_root;
    if (is_safe) return root_of_term(term, *q, is_real_root);
  }
  return Fraction{atom_polynomial(atoms_.other("root(" + text(base) + ")"), *q),
                  constant_polynomial(Rational(1))};
}

std::optional<Fraction> Algebra::canonical(const Tree& tree, int32_t id) {
  if (!work_.spend(1)) return std::nullopt;
  const Node& node = tree.at(id);
  const auto kid = [&](size_t i) { return canonical(tree, node.kids[i]); };
  switch (node.kind) {
    case NodeKind::number:
      return whole(node.value);
    case NodeKind::symbol:
      if (const auto bound = bound_.find(node.name); bound != bound_.end()) return bound->second;
      return atom(node.name);
    case NodeKind::constant:
      if (const auto bound = bound_.find(node.name); bound != bound_.end()) return bound->second;
      if (node.name == "i") {
        return Fraction{atom_polynomial(atoms_.imaginary()), constant_polynomial(Rational(1))};
      }
      if (node.name == "e") return atom("e^(1)");
      if (node.name == "pi") return atom("pi");
      return std::nullopt;
    case NodeKind::ellipsis:
      return atom("...");
    case NodeKind::add:
      return sum(tree, node.kids);
    case NodeKind::multiply:
      return product(tree, node.kids);
    case NodeKind::negate: {
      auto value = kid(0);
      if (value) value->top = negated(std::move(value->top));
      return value;
    }
    case NodeKind::divide: {
      const auto top = kid(0);
      const auto bottom = top ? kid(1) : std::nullopt;
      return bottom ? over(*top, *bottom) : std::nullopt;
    }
    case NodeKind::power: {
      const auto base = kid(0);
      const auto exponent = base ? kid(1) : std::nullopt;
      if (!exponent) return std::nullopt;
      const Node& base_node = tree.at(node.kids[0]);
      if (base_node.kind == NodeKind::constant && base_node.name == "e") {
        return exponential(*base, *exponent);
      }
      return power(*base, *exponent, true);
    }
    case NodeKind::root: {
      const auto radicand = kid(0);
      const auto index = radicand ? kid(1) : std::nullopt;
      if (!index) return std::nullopt;
      const auto n = constant_of(*index);
      if (!n || n->is_zero()) return std::nullopt;
      return power(*radicand, whole(Rational(1) / *n), true);
    }
    case NodeKind::percent: {
      const auto value = kid(0);
      return value ? times(*value, whole(Rational(1, 100))) : std::nullopt;
    }
    case NodeKind::degrees: {
      const auto value = kid(0);
      if (!value || !in_trigonometry_) return value;
      const auto turn = times(*value, whole(Rational(1, 180)));
      return turn ? times(*turn, *atom("pi")) : std::nullopt;
    }
    case NodeKind::quantity:
      return kid(0);
    case NodeKind::ratio: {
      auto value = kid(0);
      for (size_t i = 1; value && i < node.kids.size(); ++i) {
        const auto next = kid(i);
        value = next ? over(*value, *next) : std::nullopt;
      }
      return value;
    }
    case NodeKind::factorial: {
      const auto value = kid(0);
      return value ? factorial(*value, node.value == Rational(2)) : std::nullopt;
    }
    case NodeKind::call:
      return call(tree, node);
    case NodeKind::sum:
      return big_operator(tree, node);
    case NodeKind::integral:
      return integral(tree, node);
    case NodeKind::modulo:
      return modulo(tree, node);
    default:
      return std::nullopt;
  }
}

std::optional<Fraction> Algebra::logarithm(const Fraction& argument) {
  const auto bottom = argument.bottom.constant();
  if (argument.top.is_zero()) {
    is_undefined_ = true;
    return std::nullopt;
  }
  if (argument.top.terms.size() != 1 || !bottom) return atom("ln(" + text(argument) + ")");
  const Term& term = argument.top.terms[0];
  const Rational coefficient = term.coefficient / *bottom;
  if (coefficient.sign() < 0 || coefficient.num_bits() > 4096) {
    return atom("ln(" + text(argument) + ")");
  }
  std::vector<Term> terms;
  for (const bool is_top : {true, false}) {
    const auto part = is_top ? coefficient.numerator() : coefficient.denominator();
    for (const auto& [prime, count] : factors_of(part)) {
      terms.push_back({Rational(is_top ? count : -count),
                       {{atoms_.other("ln(" + prime.str() + ")"), Rational(1)}}});
    }
  }
  for (const Factor& factor : term.monomial) {
    const std::string& key = atoms_.at(factor.atom).key;
    if (key == "e^(1)") {
      terms.push_back({factor.exponent, {}});
    } else {
      terms.push_back({factor.exponent, {{atoms_.other("ln(" + key + ")"), Rational(1)}}});
    }
  }
  return Fraction{collected(std::move(terms)), constant_polynomial(Rational(1))};
}

std::optional<Fraction> Algebra::call(const Tree& tree, const Node& node) {
  const bool was_in = std::exchange(in_trigonometry_, is_trigonometric(node.name));
  std::vector<Fraction> arguments;
  std::vector<Rational> numbers;
  bool is_complete = true;
  for (const int32_t kid : node.kids) {
    auto argument = canonical(tree, kid);
    is_complete = is_complete && argument.has_value();
    if (!is_complete) break;
    if (const auto value = constant_of(*argument)) numbers.push_back(*value);
    arguments.push_back(std::move(*argument));
  }
  in_trigonometry_ = was_in;
  if (!is_complete) return std::nullopt;
  if (numbers.size() == arguments.size()) {
    if (auto value = number_call(node.name, numbers)) return value;
    if (is_undefined_) return std::nullopt;
  }
  if (node.name == "exp") return exponential(*atom("e^(1)"), arguments[0]);
  if (node.name == "cbrt") return power(arguments[0], whole(Rational(1, 3)), true);
  if (node.name == "ln") return logarithm(arguments[0]);
  if (node.name == "log") {
    const auto top = logarithm(arguments[0]);
    const auto bottom = logarithm(arguments.size() > 1 ? arguments[1] : whole(Rational(10)));
    return top && bottom ? over(*top, *bottom) : std::nullopt;
  }
  if (node.name == "binom" && arguments.size() == 2) return binomial(arguments[0], arguments[1]);
  if (node.name == "transpose" || node.name == "det") return std::nullopt;
  bool is_negative = false;
  if (arguments.size() == 1 && !arguments[0].top.is_zero() &&
      (is_odd_function(node.name) || node.name == "cos" || node.name == "abs" ||
       node.name == "cosh" || node.name == "sec") &&
      arguments[0].top.terms[0].coefficient.sign() < 0) {
    arguments[0].top = negated(std::move(arguments[0].top));
    is_negative = is_odd_function(node.name);
  }
  std::string key = node.name + "(";
  for (size_t i = 0; i < arguments.size(); ++i) key += (i ? ", " : "") + text(arguments[i]);
  auto value = atom(key + ")");
  if (value && is_negative) value->top = negated(std::move(value->top));
  return value;
}

}  // namespace gradus::rewards::math
