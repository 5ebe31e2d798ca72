#pragma once

#include <optional>
#include <string>

#include "rewards/math/reading/syntax.h"
#include "rewards/math/values/polynomial.h"

namespace gradus::rewards::math {

/// A quotient of polynomials; the denominator is not zero and, unless 1, has two terms or more.
struct Fraction {
  Polynomial top;
  Polynomial bottom;
};

/// Exact forms of expressions. Both sides of a comparison use one Algebra, so that equal parts are
/// equal atoms.
///
/// An expression becomes a quotient of polynomials with rational coefficients in atoms: symbols,
/// constants, roots of primes, e^m, functions of canonical arguments. Roots of rationals are taken
/// apart into primes, logarithms into logarithms of primes and symbols, exponentials of sums into
/// products; sums of polynomials have closed forms. Equal forms mean equal expressions (where both
/// are defined); different forms may still be equal, which numeric.h decides.
class Algebra {
 public:
  explicit Algebra(Work& work) : work_(work) {}

  /// The form, or nullopt: not an expression, undefined (0/0), or past the work or size limits.
  std::optional<Fraction> canonical(const Tree& tree, int32_t id);

  /// Whether something undefined was met since it was last forgotten.
  bool is_undefined() const { return is_undefined_; }
  void forget_undefined() { is_undefined_ = false; }

  /// a/b = c/d as a d = c b. nullopt when the work is spent.
  std::optional<bool> equal(const Fraction& a, const Fraction& b);
  std::optional<Fraction> difference(const Fraction& a, const Fraction& b);

  /// c where a = c b for numerators without negative powers of atoms; nullopt: there is none.
  /// @param keeps_sign  denominators stay, since their sign may change.
  std::optional<Rational> factor_between(const Fraction& a, const Fraction& b, bool keeps_sign);

  std::string text(const Fraction& fraction) const;
  const Atoms& atoms() const { return atoms_; }

 private:
  using Maybe = std::optional<Fraction>;

  Maybe name(const Node& node);
  Maybe quotient(const Tree& tree, const Node& node);
  Maybe raised(const Tree& tree, const Node& node);
  Maybe root(const Tree& tree, const Node& node);
  Maybe degrees(const Tree& tree, const Node& node);
  Maybe sum(const Tree& tree, const std::vector<int32_t>& kids);
  Maybe product(const Tree& tree, const std::vector<int32_t>& kids);
  Maybe call(const Tree& tree, const Node& node);
  Maybe cross_product(const std::vector<Fraction>& sides);
  Maybe big_operator(const Tree& tree, const Node& node);
  Maybe body_at(const Tree& tree, const Node& node, const Fraction& value);
  Maybe as_written(const Tree& tree, const Node& node);
  Maybe term_by_term(const Tree& tree, const Node& node, const Rational& first, int64_t count);
  Maybe closed_sum(const Tree& tree, const Node& node, const Fraction& from, const Fraction& to);
  std::optional<size_t> degree_in_index(const Polynomial& body);
  Maybe sum_of_differences(std::vector<Fraction> values, const Fraction& count);
  Maybe integral(const Tree& tree, const Node& node);
  Maybe modulo(const Tree& tree, const Node& node);
  std::optional<Rational> residue(const Tree& tree, int32_t id, const Rational& modulus);
  Maybe number_call(const std::string& name, const std::vector<Rational>& arguments);
  Maybe logarithm(const Fraction& argument);
  Maybe binomial(const Fraction& top, const Fraction& bottom);
  Maybe factorial(const Fraction& argument, bool is_double);

  Maybe plus(const Fraction& a, const Fraction& b);
  Maybe times(const Fraction& a, const Fraction& b);
  Maybe over(const Fraction& a, const Fraction& b);
  Maybe power(const Fraction& base, const Fraction& exponent, bool is_real_root);
  Maybe integer_power(const Fraction& base, int64_t exponent);
  Maybe rational_power(const Rational& base, const Rational& exponent, bool is_real_root);
  Maybe root_of_term(const Term& term, const Rational& exponent, bool is_real_root);
  Maybe exponential(const Fraction& base, const Fraction& exponent);
  Maybe atom(const std::string& key);

  Work& work_;
  Atoms atoms_;
  bool is_undefined_ = false;
  bool in_trigonometry_ = false;
  std::vector<int64_t> large_factorials_;  // met so far, not written out
  std::map<std::string, Fraction> bound_;  // values of summation indices
};

Fraction whole(const Rational& value);
Fraction single(Term term);
std::optional<Rational> constant_of(const Fraction& fraction);

}  // namespace gradus::rewards::math
