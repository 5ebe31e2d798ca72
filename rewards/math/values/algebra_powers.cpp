#include <utility>

#include "rewards/math/values/algebra.h"

// Powers, roots and logarithms: numbers are taken apart into primes.

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

}  // namespace

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
    const auto bottom = base.bottom.constant();
    if (!term.coefficient.has_power(exponent) || !bottom || !bottom->has_power(exponent)) {
      return std::nullopt;
    }
    Term powered{term.coefficient.power(exponent), {}};
    for (const Factor& factor : term.monomial) {
      const Rational raised = factor.exponent * Rational(exponent);
      powered = product_of(powered, power_of(factor.atom, raised, atoms_), atoms_);
    }
    Fraction result = single(std::move(powered));
    result.bottom = constant_polynomial(bottom->power(exponent));
    return result;
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
    term = product_of(power_of(atom, power, atoms_), term, atoms_);
  };
  const auto small = [](const Rational& value) { return value.abs() < Rational(1LL << 60); };
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
  return single(std::move(term));
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
    result = times(*result, single(power_of(atom, power, atoms_)));
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
      const std::string unit = text(single({Rational(1), term.monomial}));
      const AtomId id = atoms_.other("(" + text(base) + ")^(" + unit + ")");
      part = single(power_of(id, coefficient, atoms_));
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
    if (b) {  // too large to be written out: 4^50000 and 2^100000 are powers of one prime
      if (auto primes = rational_power(*b, *q, false)) return primes;
    }
    return atom("(" + text(base) + ")^(" + q->str() + ")");  // too large to be written out
  }
  if (b) return rational_power(*b, *q, is_real_root);
  if (base.top.terms.size() == 1 && base.bottom.constant()) {
    Term term = base.top.terms[0];
    term.coefficient = term.coefficient / *base.bottom.constant();
    const bool is_safe = term.coefficient.sign() > 0 || is_real_root;
    if (is_safe) return root_of_term(term, *q, is_real_root);
  }
  return single(power_of(atoms_.other("root(" + text(base) + ")"), *q, atoms_));
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

}  // namespace gradus::rewards::math
