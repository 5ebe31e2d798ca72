#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rewards/math/values/rational.h"

namespace gradus::rewards::math {

/// Counts the work of one comparison, so that its end depends on the input alone, not on a clock.
class Work {
 public:
  explicit Work(int64_t units) : left_(units) {}

  /// False once all is spent; it stays so.
  bool spend(int64_t units) {
    left_ -= units;
    return left_ >= 0;
  }
  bool is_spent() const { return left_ < 0; }

 private:
  int64_t left_;
};

using AtomId = int32_t;

/// What polynomials are made of beside rational numbers.
struct Atom {
  enum class Kind : uint8_t {
    prime,      // an integer under a root: its exponents lie in [0, 1)
    imaginary,  // i, with i^2 = -1
    other,      // a symbol, a constant, a function of something: independent of all others
  };
  Kind kind = Kind::other;
  std::string key;  // unique; "#7" in place of a long one
  Rational prime;
};

/// Atoms by key; both sides of a comparison share one table.
class Atoms {
 public:
  AtomId other(const std::string& key);
  AtomId prime(const Rational& value);
  AtomId imaginary();
  const Atom& at(AtomId id) const { return atoms_[static_cast<size_t>(id)]; }

 private:
  AtomId intern(Atom atom);

  std::vector<Atom> atoms_;
  std::map<std::string, AtomId, std::less<>> ids_;
};

struct Factor {
  AtomId atom = 0;
  Rational exponent;  // not 0
  friend bool operator==(const Factor&, const Factor&) = default;
};

/// A product of powers, by atom.
using Monomial = std::vector<Factor>;

struct Term {
  Rational coefficient;  // not 0
  Monomial monomial;
};

/// A sum of terms with distinct monomials in a fixed order; exponents are rational and may be
/// negative, so that 1/x and sqrt(x) are polynomials too.
struct Polynomial {
  std::vector<Term> terms;

  bool is_zero() const { return terms.empty(); }
  /// The value of a polynomial without atoms.
  std::optional<Rational> constant() const;
};

Polynomial constant_polynomial(const Rational& value);

/// Sorts terms, adds up equal monomials, drops zeros.
Polynomial collected(std::vector<Term> terms);

Polynomial negated(Polynomial a);
Polynomial sum_of(const Polynomial& a, const Polynomial& b);
bool same(const Polynomial& a, const Polynomial& b);

/// The product, or nullopt when the work is spent.
std::optional<Polynomial> product_of(const Polynomial& a, const Polynomial& b, const Atoms& atoms,
                                     Work& work);

/// The product of two terms in normal form: primes' exponents in [0, 1), i^2 = -1.
Term product_of(const Term& a, const Term& b, const Atoms& atoms);

/// atom^exponent in the same normal form.
Term power_of(AtomId atom, const Rational& exponent, const Atoms& atoms);

/// 1 / term.
Term inverse_of(const Term& term, const Atoms& atoms);

std::string text_of(const Polynomial& polynomial, const Atoms& atoms);

}  // namespace gradus::rewards::math
