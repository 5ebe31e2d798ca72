// Sums, products and integrals.

#include <algorithm>
#include <utility>

#include "rewards/math/values/algebra.h"

namespace gradus::rewards::math {
namespace {

constexpr int64_t kMaxTerms = 10'000;  // of a sum or product that is added up one by one
constexpr size_t kMaxDegree = 20;      // of a polynomial that is summed in closed form

}  // namespace

/// The body of a sum or product where its variable has this value.
std::optional<Fraction> Algebra::body_at(const Tree& tree, const Node& node,
                                         const Fraction& value) {
  const std::string& variable = tree.at(node.kids[1]).name;
  const auto outer = bound_.find(variable);
  const Maybe before = outer != bound_.end() ? Maybe(outer->second) : std::nullopt;
  bound_[variable] = value;
  Maybe result = canonical(tree, node.kids[0]);
  if (before) {
    bound_[variable] = *before;
  } else {
    bound_.erase(variable);
  }
  return result;
}

/// A sum or product that is not worked out: an atom of its canonical parts.
std::optional<Fraction> Algebra::as_written(const Tree& tree, const Node& node) {
  const auto body = body_at(tree, node, *atom("bound variable"));
  if (!body) return std::nullopt;
  std::string key = node.name + "(" + text(*body);
  for (size_t i = 2; i < node.kids.size(); ++i) {
    const Node& bound = tree.at(node.kids[i]);
    const auto value = canonical(tree, node.kids[i]);
    if (!value && bound.kind != NodeKind::constant) return std::nullopt;
    key += "; " + (value ? text(*value) : bound.name);
  }
  return atom(key + ")");
}

std::optional<Fraction> Algebra::big_operator(const Tree& tree, const Node& node) {
  const Node& variable = tree.at(node.kids[1]);
  if (variable.kind != NodeKind::symbol && variable.kind != NodeKind::constant) return std::nullopt;
  const bool is_sum = node.name == "sum";
  if (node.kids.size() < 4) return as_written(tree, node);
  const auto from = canonical(tree, node.kids[2]);
  const auto to = from ? canonical(tree, node.kids[3]) : std::nullopt;
  if (!to) return as_written(tree, node);
  const auto first = constant_of(*from);
  const auto last = constant_of(*to);
  if (first && last && first->is_integer() && last->is_integer()) {
    const Rational count = *last - *first + Rational(1);
    if (count.sign() <= 0) return whole(Rational(is_sum ? 0 : 1));
    if (count <= Rational(kMaxTerms)) {
      return term_by_term(tree, node, *first, count.small_integer().value_or(0));
    }
  }
  return is_sum ? closed_sum(tree, node, *from, *to) : as_written(tree, node);
}

std::optional<Fraction> Algebra::term_by_term(const Tree& tree, const Node& node,
                                              const Rational& first, int64_t count) {
  const bool is_sum = node.name == "sum";
  Fraction total = whole(Rational(is_sum ? 0 : 1));
  for (int64_t i = 0; i < count; ++i) {
    const auto term = body_at(tree, node, whole(first + Rational(i)));
    const auto next = !term ? std::nullopt : is_sum ? plus(total, *term) : times(total, *term);
    if (!next) return std::nullopt;
    total = *next;
    const int64_t bits = total.top.is_zero() ? 0 : total.top.terms[0].coefficient.num_bits();
    if (bits > Rational::kMaxBits || !work_.spend(1 + bits / 64)) return as_written(tree, node);
  }
  return total;
}

/// The sum of a polynomial over as many values as `from` and `to` say, in closed form.
std::optional<Fraction> Algebra::closed_sum(const Tree& tree, const Node& node,
                                            const Fraction& from, const Fraction& to) {
  const auto body = body_at(tree, node, *atom("bound variable"));
  if (!body || !body->bottom.constant()) return as_written(tree, node);
  const auto degree = degree_in_index(body->top);
  if (!degree) return as_written(tree, node);
  std::vector<Fraction> values;
  for (size_t j = 0; j <= *degree; ++j) {
    const auto position = plus(from, whole(Rational(static_cast<int64_t>(j))));
    const auto value = position ? body_at(tree, node, *position) : std::nullopt;
    if (!value) return std::nullopt;
    values.push_back(*value);
  }
  const auto span = difference(to, from);
  const auto count = span ? plus(*span, whole(Rational(1))) : std::nullopt;
  if (!count) return std::nullopt;
  return sum_of_differences(std::move(values), *count);
}

/// The degree of a body in the bound variable; none: it is no polynomial in it, or a large one.
std::optional<size_t> Algebra::degree_in_index(const Polynomial& body) {
  const AtomId index = atoms_.other("bound variable");
  size_t degree = 0;
  for (const Term& term : body.terms) {
    for (const Factor& factor : term.monomial) {
      const bool is_index = factor.atom == index;
      const std::string& key = atoms_.at(factor.atom).key;
      if (!is_index && (key[0] == '#' || key.find("bound variable") != std::string::npos)) {
        return std::nullopt;
      }
      if (!is_index) continue;
      const auto power = factor.exponent.small_integer();
      if (!power || *power < 0 || *power > static_cast<int64_t>(kMaxDegree)) return std::nullopt;
      degree = std::max(degree, static_cast<size_t>(*power));
    }
  }
  return degree;
}

/// Newton's forward differences: sum of f over N values from a = sum_j (D^j f)(a) C(N, j+1).
///
/// @param values  f(a), f(a+1), ... up to the degree of f.
/// @param count   N.
std::optional<Fraction> Algebra::sum_of_differences(std::vector<Fraction> values,
                                                    const Fraction& count) {
  const size_t degree = values.size() - 1;
  Fraction total = whole(Rational(0));
  Fraction choose = count;  // C(N, 1)
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
    const auto shifted = plus(count, whole(Rational(-static_cast<int64_t>(j + 1))));
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
  const auto unevaluated = [&]() -> Maybe {
    std::string key = "integral(" + text(*body) + "; " + variable;
    for (size_t i = 2; i < node.kids.size(); ++i) {
      const auto bound = canonical(tree, node.kids[i]);
      key += "; " + (bound ? text(*bound) : tree.at(node.kids[i]).name);
    }
    return atom(key + ")");
  };
  const AtomId x = atoms_.other(variable);
  if (!body->bottom.constant()) return unevaluated();
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
        return unevaluated();
      } else {
        constant.monomial.push_back(factor);
      }
    }
    const Rational raised = power + Rational(1);
    if (raised.is_zero()) return unevaluated();
    constant.coefficient = constant.coefficient / raised;
    parts.emplace_back(constant, raised);
  }
  if (node.kids.size() < 4) return unevaluated();
  const auto from = canonical(tree, node.kids[2]);
  const auto to = from ? canonical(tree, node.kids[3]) : std::nullopt;
  if (!to) return unevaluated();
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

}  // namespace gradus::rewards::math
