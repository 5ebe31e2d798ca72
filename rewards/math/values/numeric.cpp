#include "rewards/math/values/numeric.h"

#include <array>

#include "rewards/math/values/evaluator.h"

namespace gradus::rewards::math {
namespace {

/// What a tree speaks of, as far as numbers are concerned.
struct Features {
  bool has_symbols = false;
  bool has_complex = false;
};

void look(const Place& place, Features& features) {
  std::vector<int32_t> open{place.id};
  while (!open.empty()) {
    const Node& node = place.tree.at(open.back());
    open.pop_back();
    const bool is_function = node.kind == NodeKind::call;
    features.has_symbols |= node.kind == NodeKind::symbol || node.kind == NodeKind::ellipsis;
    features.has_complex |= node.kind == NodeKind::constant && node.name == "i";
    features.has_complex |= is_function && (node.name == "re" || node.name == "im");
    open.insert(open.end(), node.kids.begin(), node.kids.end());
  }
}

enum class AtPoint {
  different,
  maybe_equal,  // zero is within a ball that is too wide to say more
  equal,        // zero is within a ball that is small beside the values themselves
  not_real,
  undefined,
};

struct Pair {
  Ball a;
  Ball b;
  bool is_defined = false;
};

Pair evaluated(const Place& a, const Place& b, const Assignment& at, slong precision, Work& work) {
  Pair pair;
  pair.is_defined = Evaluator(a.tree, at, precision, work).evaluate(a.id, pair.a) &&
                    Evaluator(b.tree, at, precision, work).evaluate(b.id, pair.b) &&
                    pair.a.is_finite() && pair.b.is_finite();
  return pair;
}

/// Whether zero in the difference means something.
bool is_sharp(const Pair& pair, slong precision) {
  return acb_rel_accuracy_bits(pair.a.get()) > precision / 4 ||
         (pair.a.contains_zero() && pair.b.contains_zero() &&
          acb_rel_error_bits(pair.a.get()) != 0);
}

AtPoint compared(const Place& a, const Place& b, int point, slong precision, bool is_complex,
                 Work& work) {
  const Pair pair = evaluated(a, b, {point, {}}, precision, work);
  if (!pair.is_defined) return AtPoint::undefined;
  if (!is_complex && (!pair.a.may_be_real() || !pair.b.may_be_real())) return AtPoint::not_real;
  Ball difference;
  acb_sub(difference.get(), pair.a.get(), pair.b.get(), precision);
  if (!difference.contains_zero()) return AtPoint::different;
  return is_sharp(pair, precision) ? AtPoint::equal : AtPoint::maybe_equal;
}

struct Tally {
  int num_equal = 0;
  int num_not_real = 0;
  bool is_different = false;
};

Tally tally(const Place& a, const Place& b, int num_points, bool is_complex, Work& work) {
  Tally result;
  std::vector<int> open;
  for (int point = 0; point < num_points; ++point) open.push_back(point);
  // A constant is asked once; with 4,096 bits 1 - e^{-1000} is not 1.
  const slong most = num_points == 1 ? 4096 : 1024;
  for (slong precision = 64; precision <= most; precision *= 4) {
    std::vector<int> still_open;
    for (const int point : open) {
      const AtPoint outcome = compared(a, b, point, precision, is_complex, work);
      if (outcome == AtPoint::different) {
        result.is_different = true;
        return result;
      }
      if (outcome == AtPoint::not_real) {
        if (precision == 64) ++result.num_not_real;
      } else if (precision < most) {
        still_open.push_back(point);
      } else if (outcome == AtPoint::equal) {
        ++result.num_equal;
      }
    }
    // Few points at high precision say as much as many.
    if (precision == 256 && still_open.size() > 2) still_open.resize(2);
    open = std::move(still_open);
  }
  return result;
}

/// Whether a constant part is above 2^1500 or below 2^-1500: beside it 1, and beside 1 it, would be
/// lost among the bits that are looked at.
class Extremes {
 public:
  explicit Extremes(const Tree& tree) : tree_(tree) {}

  bool found_in(int32_t id) {
    look(id);
    return is_found_ || work_.is_spent();
  }

 private:
  /// Says whether the part is free of symbols.
  bool look(int32_t id) {
    const Node& node = tree_.at(id);
    bool is_constant = node.kind != NodeKind::symbol && node.kind != NodeKind::ellipsis;
    for (const int32_t kid : node.kids) is_constant = look(kid) && is_constant;
    const bool can_be = node.kind == NodeKind::number || node.kind == NodeKind::power ||
                        node.kind == NodeKind::factorial || node.kind == NodeKind::call ||
                        node.kind == NodeKind::multiply;
    if (!is_constant || !can_be || is_found_) return is_constant;
    Ball value;
    const Assignment none;
    const bool is_known = Evaluator(tree_, none, 64, work_).evaluate(id, value);
    is_found_ = is_found_ || (is_known && is_extreme(value));
    return is_constant;
  }

  static bool is_extreme(const Ball& value) {
    constexpr slong kBits = 1500;
    if (acb_is_zero(value.get()) != 0) return false;
    mag_t bound;
    mag_init(bound);
    acb_get_mag(bound, value.get());
    const bool result = mag_cmp_2exp_si(bound, kBits) > 0 || mag_cmp_2exp_si(bound, -kBits) < 0;
    mag_clear(bound);
    return result;
  }

  const Tree& tree_;
  Work work_{60'000};
  bool is_found_ = false;
};

}  // namespace

Verdict compare_numerically(const Place& a, const Place& b, Work& work) {
  Features features;
  look(a, features);
  look(b, features);
  const int num_points = features.has_symbols ? kNumPoints : 1;
  Tally result = tally(a, b, num_points, features.has_complex, work);
  if (!result.is_different && result.num_equal == 0 && result.num_not_real > 0) {
    result = tally(a, b, num_points, true, work);
  }
  if (work.is_spent()) return Verdict::unknown;
  if (result.is_different) return Verdict::different;
  const int needed = features.has_symbols ? 2 : 1;
  if (result.num_equal < needed) return Verdict::unknown;
  const bool is_lost = Extremes(a.tree).found_in(a.id) || Extremes(b.tree).found_in(b.id);
  return is_lost ? Verdict::too_large : Verdict::equal;
}

int proportional(const Place& a, const Place& b, Work& work) {
  constexpr slong kPrecision = 256;
  Features features;
  look(a, features);
  if (!features.has_symbols) return 0;  // any two constants would be
  Ball first;
  int num_points = 0;
  for (int point = 0; point < kNumPoints; ++point) {
    Pair pair = evaluated(a, b, {point, {}}, kPrecision, work);
    if (!pair.is_defined || pair.a.contains_zero() || pair.b.contains_zero()) continue;
    Ball ratio;
    acb_div(ratio.get(), pair.a.get(), pair.b.get(), kPrecision);
    if (!ratio.is_finite() || !ratio.may_be_real()) continue;
    if (num_points++ == 0) {
      first = ratio;
      continue;
    }
    acb_sub(ratio.get(), ratio.get(), first.get(), kPrecision);
    if (!ratio.contains_zero()) return 0;
  }
  if (num_points < 3) return 0;
  if (arb_is_positive(first.real()) != 0) return 1;
  return arb_is_negative(first.real()) != 0 ? -1 : 0;
}

std::optional<Decimal> decimal_value(const Place& place, int decimals, Work& work) {
  Features features;
  look(place, features);
  if (features.has_symbols) return std::nullopt;
  constexpr slong kPrecision = 320;
  Ball ball;
  const Assignment assignment;
  if (!Evaluator(place.tree, assignment, kPrecision, work).evaluate(place.id, ball) ||
      !ball.is_finite() || !ball.may_be_real()) {
    return std::nullopt;
  }
  const slong accuracy = arb_rel_accuracy_bits(ball.real());
  if (accuracy < 160 && !arb_contains_zero(ball.real())) return std::nullopt;
  const arf_struct* middle = arb_midref(ball.real());
  if (arf_cmpabs_2exp_si(middle, 60'000) > 0) return std::nullopt;
  Decimal result;
  if (arf_cmpabs_2exp_si(middle, -60'000) > 0) {
    arf_get_fmpq(result.value.raw(), middle);
  }
  const Rational scale = Rational::power_of_ten(decimals);
  const Rational scaled = (result.value.abs() * scale + Rational(1, 2)).floor() / scale;
  result.rounded = result.value.sign() < 0 ? -scaled : scaled;
  return result;
}

namespace {

std::optional<int> order_of(const Place& a, const Place& b, const Assignment& at, Work& work) {
  for (const slong precision : {64, 256, 1024}) {
    const Pair pair = evaluated(a, b, at, precision, work);
    if (!pair.is_defined) continue;
    if (!pair.a.may_be_real() || !pair.b.may_be_real()) return std::nullopt;
    Ball difference;
    acb_sub(difference.get(), pair.a.get(), pair.b.get(), precision);
    if (arb_is_positive(difference.real()) != 0) return 1;
    if (arb_is_negative(difference.real()) != 0) return -1;
    if (precision >= 256) return 0;
  }
  return std::nullopt;
}

}  // namespace

std::optional<int> compare_order(const Place& a, const Place& b, Work& work) {
  Features features;
  look(a, features);
  look(b, features);
  if (features.has_symbols) return std::nullopt;
  return order_of(a, b, {}, work);
}

std::optional<int> order_at(const Place& left, const Place& right, const std::string& symbol,
                            const Place& value, Work& work) {
  Ball ball;
  const Assignment none;
  if (!Evaluator(value.tree, none, 1100, work).evaluate(value.id, ball)) return std::nullopt;
  Assignment at;
  at.given.emplace_back(symbol, ball);
  return order_of(left, right, at, work);
}

std::optional<int> order_at(const Place& left, const Place& right, const std::string& symbol,
                            const Rational& value, Work& work) {
  Ball ball;
  acb_set_fmpq(ball.get(), value.raw(), 1100);
  Assignment at;
  at.given.emplace_back(symbol, ball);
  return order_of(left, right, at, work);
}

}  // namespace gradus::rewards::math
