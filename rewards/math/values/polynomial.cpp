#include "rewards/math/values/polynomial.h"

#include <algorithm>

namespace gradus::rewards::math {
namespace {

/// Order of monomials: any fixed one will do.
bool comes_before(const Monomial& a, const Monomial& b) {
  const size_t size = std::min(a.size(), b.size());
  for (size_t i = 0; i < size; ++i) {
    if (a[i].atom != b[i].atom) return a[i].atom < b[i].atom;
    if (!(a[i].exponent == b[i].exponent)) return b[i].exponent < a[i].exponent;
  }
  return a.size() < b.size();
}

/// Brings a factor into normal form; the part that is rational goes into the coefficient.
void append(const Factor& factor, const Atoms& atoms, Term& term) {
  const Atom& atom = atoms.at(factor.atom);
  if (atom.kind == Atom::Kind::other) {
    if (!factor.exponent.is_zero()) term.monomial.push_back(factor);
    return;
  }
  const Rational whole = factor.exponent.floor();
  const Rational rest = factor.exponent - whole;
  if (atom.kind == Atom::Kind::prime) {
    const auto power = whole.small_integer();
    if (!power || !atom.prime.has_power(*power)) {
      term.monomial.push_back(factor);  // too large to be written out
      return;
    }
    if (*power != 0) term.coefficient *= atom.prime.power(*power);
    if (!rest.is_zero()) term.monomial.push_back({factor.atom, rest});
    return;
  }
  // i^(4k + r + rest): the whole part turns by quarters.
  const Rational turns = whole - Rational(4) * (whole / Rational(4)).floor();
  const auto quarter = turns.small_integer().value_or(0);
  if (quarter >= 2) term.coefficient = -term.coefficient;
  const Rational left = Rational(quarter % 2) + rest;
  if (!left.is_zero()) term.monomial.push_back({factor.atom, left});
}

/// How often p divides the value; it is divided by as much.
int64_t taken_out(Rational& value, const Rational& p) {
  const auto top = static_cast<int64_t>(
      fmpz_remove(fmpq_numref(value.raw()), fmpq_numref(value.raw()), fmpq_numref(p.raw())));
  const auto bottom = static_cast<int64_t>(
      fmpz_remove(fmpq_denref(value.raw()), fmpq_denref(value.raw()), fmpq_numref(p.raw())));
  return top - bottom;
}

/// Powers of primes that are too large to be written out have an exponent that 1,024 divides, and
/// the rest stands in the coefficient: 2^100000 - 2^99999 is 2^99999, and 2 * 2^99999 2^100000.
void settle(Term& term, const Atoms& atoms) {
  constexpr int64_t kStep = 1024;
  for (size_t i = 0; i < term.monomial.size(); ++i) {
    Factor& factor = term.monomial[i];
    const Atom& atom = atoms.at(factor.atom);
    if (atom.kind != Atom::Kind::prime || factor.exponent.abs() < Rational(4 * kStep)) continue;
    if (!atom.prime.has_power(kStep)) continue;
    const Rational whole =
        factor.exponent.floor() + Rational(taken_out(term.coefficient, atom.prime));
    const Rational rest = factor.exponent - factor.exponent.floor();
    const Rational high = (whole / Rational(kStep)).floor() * Rational(kStep);
    const auto low = (whole - high).small_integer().value_or(0);
    term.coefficient *= atom.prime.power(low);
    factor.exponent = high + rest;
    if (!factor.exponent.is_zero()) continue;
    term.monomial.erase(term.monomial.begin() + static_cast<std::ptrdiff_t>(i));
    --i;
  }
}

}  // namespace

AtomId Atoms::intern(Atom atom) {
  const auto found = ids_.find(atom.key);
  if (found != ids_.end()) return found->second;
  const auto id = static_cast<AtomId>(atoms_.size());
  ids_.emplace(atom.key, id);
  // Keys are parts of other keys: a tower of powers would double them at each floor.
  constexpr size_t kLongKey = 256;
  if (atom.key.size() > kLongKey) atom.key = "#" + std::to_string(id);
  atoms_.push_back(std::move(atom));
  return id;
}

AtomId Atoms::other(const std::string& key) {
  return intern({Atom::Kind::other, key, Rational()});
}

AtomId Atoms::prime(const Rational& value) {
  return intern({Atom::Kind::prime, value.str(), value});
}

AtomId Atoms::imaginary() {
  return intern({Atom::Kind::imaginary, "i", Rational()});
}

std::optional<Rational> Polynomial::constant() const {
  if (terms.empty()) return Rational(0);
  if (terms.size() > 1 || !terms[0].monomial.empty()) return std::nullopt;
  return terms[0].coefficient;
}

Polynomial constant_polynomial(const Rational& value) {
  Polynomial result;
  if (!value.is_zero()) result.terms.push_back({value, {}});
  return result;
}

Polynomial collected(std::vector<Term> terms) {
  std::sort(terms.begin(), terms.end(),
            [](const Term& a, const Term& b) { return comes_before(a.monomial, b.monomial); });
  Polynomial result;
  for (Term& term : terms) {
    if (!result.terms.empty() && result.terms.back().monomial == term.monomial) {
      result.terms.back().coefficient += term.coefficient;
    } else {
      if (!result.terms.empty() && result.terms.back().coefficient.is_zero()) {
        result.terms.pop_back();
      }
      result.terms.push_back(std::move(term));
    }
  }
  if (!result.terms.empty() && result.terms.back().coefficient.is_zero()) result.terms.pop_back();
  return result;
}

Polynomial negated(Polynomial a) {
  for (Term& term : a.terms) term.coefficient = -term.coefficient;
  return a;
}

Polynomial sum_of(const Polynomial& a, const Polynomial& b) {
  std::vector<Term> terms = a.terms;
  terms.insert(terms.end(), b.terms.begin(), b.terms.end());
  return collected(std::move(terms));
}

bool same(const Polynomial& a, const Polynomial& b) {
  if (a.terms.size() != b.terms.size()) return false;
  for (size_t i = 0; i < a.terms.size(); ++i) {
    if (!(a.terms[i].coefficient == b.terms[i].coefficient)) return false;
    if (a.terms[i].monomial != b.terms[i].monomial) return false;
  }
  return true;
}

Term product_of(const Term& a, const Term& b, const Atoms& atoms) {
  Term result{a.coefficient * b.coefficient, {}};
  size_t i = 0;
  size_t j = 0;
  while (i < a.monomial.size() || j < b.monomial.size()) {
    const bool takes_a = j == b.monomial.size() ||
                         (i < a.monomial.size() && a.monomial[i].atom < b.monomial[j].atom);
    const bool takes_b =
        !takes_a && (i == a.monomial.size() || b.monomial[j].atom < a.monomial[i].atom);
    if (takes_a) {
      result.monomial.push_back(a.monomial[i++]);
    } else if (takes_b) {
      result.monomial.push_back(b.monomial[j++]);
    } else {
      append({a.monomial[i].atom, a.monomial[i].exponent + b.monomial[j].exponent}, atoms, result);
      ++i;
      ++j;
    }
  }
  settle(result, atoms);
  return result;
}

std::optional<Polynomial> product_of(const Polynomial& a, const Polynomial& b, const Atoms& atoms,
                                     Work& work) {
  std::vector<Term> terms;
  for (const Term& x : a.terms) {
    for (const Term& y : b.terms) {
      const auto factors = static_cast<int64_t>(x.monomial.size() + y.monomial.size());
      if (!work.spend(2 + factors + x.coefficient.num_bits() / 64)) return std::nullopt;
      terms.push_back(product_of(x, y, atoms));
    }
  }
  return collected(std::move(terms));
}

Term power_of(AtomId atom, const Rational& exponent, const Atoms& atoms) {
  Term result{Rational(1), {}};
  append({atom, exponent}, atoms, result);
  settle(result, atoms);
  return result;
}

Term inverse_of(const Term& term, const Atoms& atoms) {
  Term result{Rational(1) / term.coefficient, {}};
  for (const Factor& factor : term.monomial) append({factor.atom, -factor.exponent}, atoms, result);
  settle(result, atoms);
  return result;
}

std::string text_of(const Polynomial& polynomial, const Atoms& atoms) {
  if (polynomial.is_zero()) return "0";
  std::vector<std::string> parts;
  for (const Term& term : polynomial.terms) {
    std::vector<std::string> factors;
    for (const Factor& factor : term.monomial) {
      std::string text = atoms.at(factor.atom).key;
      if (!factor.exponent.is_one()) {
        const bool is_plain = factor.exponent.is_integer() && factor.exponent.sign() > 0;
        text += is_plain ? "^" + factor.exponent.str() : "^(" + factor.exponent.str() + ")";
      }
      factors.push_back(text);
    }
    std::sort(factors.begin(), factors.end());
    std::string text = term.coefficient.is_one() && !factors.empty() ? "" : term.coefficient.str();
    for (const auto& factor : factors) text += (text.empty() ? "" : "*") + factor;
    parts.push_back(text);
  }
  std::sort(parts.begin(), parts.end());
  std::string result;
  for (const auto& part : parts) result += (result.empty() ? "" : " + ") + part;
  return result;
}

}  // namespace gradus::rewards::math
