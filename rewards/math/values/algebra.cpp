#include "rewards/math/values/algebra.h"

#include <algorithm>
#include <utility>

#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

bool is_odd_function(const std::string& name) {
  return name == "sin" || name == "tan" || name == "cot" || name == "csc" || name == "sinh" ||
         name == "tanh" || name == "arcsin" || name == "arctan" || name == "arsinh" ||
         name == "artanh";
}

}  // namespace

Fraction whole(const Rational& value) {
  return {constant_polynomial(value), constant_polynomial(Rational(1))};
}

Fraction single(Term term) {
  Fraction result{{}, constant_polynomial(Rational(1))};
  result.top.terms.push_back(std::move(term));
  return result;
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
  return single(power_of(atoms_.other(key), Rational(1), atoms_));
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
  if (!top->terms.empty() && top->terms[0].coefficient.num_bits() > 4 * Rational::kMaxBits) {
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
    const Polynomial inverse = single(inverse_of(b.top.terms[0], atoms_)).top;
    auto up = product_of(b.bottom, inverse, atoms_, work_);
    if (!up) return std::nullopt;
    return times(a, {std::move(*up), constant_polynomial(Rational(1))});
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

/// Multiplied so that no atom stands below: 1/x - y becomes 1 - xy. Nothing is divided by, as that
/// would lose roots: x^2 = x is not x = 1.
Polynomial cleared(const Polynomial& polynomial, const Atoms& atoms) {
  std::map<AtomId, Rational> least;
  for (const Term& term : polynomial.terms) {
    for (const Factor& factor : term.monomial) {
      Rational& exponent = least[factor.atom];
      if (factor.exponent < exponent) exponent = factor.exponent;
    }
  }
  Term divisor{Rational(1), {}};
  for (const auto& [atom, exponent] : least) {
    const bool can_divide = atoms.at(atom).kind == Atom::Kind::other && !exponent.is_zero();
    if (can_divide) divisor.monomial.push_back({atom, exponent});
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

std::optional<Fraction> Algebra::name(const Node& node) {
  if (const auto bound = bound_.find(node.name); bound != bound_.end()) return bound->second;
  if (node.kind == NodeKind::symbol) return atom(node.name);
  if (node.name == "i") {
    return single(power_of(atoms_.imaginary(), Rational(1), atoms_));
  }
  if (node.name == "e") return atom("e^(1)");
  if (node.name == "pi") return atom("pi");
  return std::nullopt;
}

std::optional<Fraction> Algebra::quotient(const Tree& tree, const Node& node) {
  auto value = canonical(tree, node.kids[0]);
  for (size_t i = 1; value && i < node.kids.size(); ++i) {
    const auto next = canonical(tree, node.kids[i]);
    value = next ? over(*value, *next) : std::nullopt;
  }
  return value;
}

std::optional<Fraction> Algebra::raised(const Tree& tree, const Node& node) {
  const auto base = canonical(tree, node.kids[0]);
  const auto exponent = base ? canonical(tree, node.kids[1]) : std::nullopt;
  if (!exponent) return std::nullopt;
  const Node& base_node = tree.at(node.kids[0]);
  if (base_node.kind == NodeKind::constant && base_node.name == "e") {
    return exponential(*base, *exponent);
  }
  return power(*base, *exponent, true);
}

std::optional<Fraction> Algebra::root(const Tree& tree, const Node& node) {
  const auto radicand = canonical(tree, node.kids[0]);
  const auto index = radicand ? canonical(tree, node.kids[1]) : std::nullopt;
  if (!index) return std::nullopt;
  const auto n = constant_of(*index);
  if (!n || n->is_zero()) return std::nullopt;
  return power(*radicand, whole(Rational(1) / *n), true);
}

std::optional<Fraction> Algebra::degrees(const Tree& tree, const Node& node) {
  const auto value = canonical(tree, node.kids[0]);
  if (!value || !in_trigonometry_) return value;
  const auto turn = times(*value, whole(Rational(1, 180)));
  return turn ? times(*turn, *atom("pi")) : std::nullopt;
}

std::optional<Fraction> Algebra::canonical(const Tree& tree, int32_t id) {
  if (!work_.spend(1)) return std::nullopt;
  const Node& node = tree.at(id);
  switch (node.kind) {
    case NodeKind::number:
      return whole(node.value);
    case NodeKind::symbol:
    case NodeKind::constant:
      return name(node);
    case NodeKind::ellipsis:
      return atom("...");
    case NodeKind::add:
      return sum(tree, node.kids);
    case NodeKind::multiply:
      return product(tree, node.kids);
    case NodeKind::negate: {
      auto value = canonical(tree, node.kids[0]);
      if (value) value->top = negated(std::move(value->top));
      return value;
    }
    case NodeKind::divide:
    case NodeKind::ratio:
      return quotient(tree, node);
    case NodeKind::power:
      return raised(tree, node);
    case NodeKind::root:
      return root(tree, node);
    case NodeKind::percent: {
      const auto value = canonical(tree, node.kids[0]);
      return value ? times(*value, whole(Rational(1, 100))) : std::nullopt;
    }
    case NodeKind::degrees:
      return degrees(tree, node);
    case NodeKind::quantity:
      return canonical(tree, node.kids[0]);
    case NodeKind::factorial: {
      const auto value = canonical(tree, node.kids[0]);
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

std::optional<Fraction> Algebra::call(const Tree& tree, const Node& node) {
  const bool was_in = std::exchange(in_trigonometry_, takes_angle(node.name));
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
  if (node.name == "cross" && arguments.size() == 2) return cross_product(arguments);
  std::vector<std::string> texts;
  for (const Fraction& argument : arguments) texts.push_back(text(argument));
  const bool has_no_order =
      node.name == "gcd" || node.name == "lcm" || node.name == "max" || node.name == "min";
  if (has_no_order) std::sort(texts.begin(), texts.end());
  std::string key = node.name + "(";
  for (size_t i = 0; i < texts.size(); ++i) key += (i ? ", " : "") + texts[i];
  auto value = atom(key + ")");
  if (value && is_negative) value->top = negated(std::move(value->top));
  return value;
}

/// a x b, term by term; b x a is its opposite, and a x a is nothing.
std::optional<Fraction> Algebra::cross_product(const std::vector<Fraction>& sides) {
  const auto left_bottom = sides[0].bottom.constant();
  const auto right_bottom = sides[1].bottom.constant();
  if (!left_bottom || !right_bottom) return std::nullopt;
  const Rational scale = Rational(1) / (*left_bottom * *right_bottom);
  std::vector<Term> terms;
  for (const Term& left : sides[0].top.terms) {
    for (const Term& right : sides[1].top.terms) {
      std::string a = text(single({Rational(1), left.monomial}));
      std::string b = text(single({Rational(1), right.monomial}));
      if (!work_.spend(4)) return std::nullopt;
      if (a == b) continue;
      Rational coefficient = left.coefficient * right.coefficient * scale;
      if (b < a) {
        std::swap(a, b);
        coefficient = -coefficient;
      }
      terms.push_back({coefficient, {{atoms_.other("cross(" + a + ", " + b + ")"), Rational(1)}}});
    }
  }
  return Fraction{collected(std::move(terms)), constant_polynomial(Rational(1))};
}

}  // namespace gradus::rewards::math
