#include <utility>

#include "rewards/math/compare.h"
#include "rewards/math/names.h"
#include "rewards/math/prepare.h"
#include "rewards/math/units.h"
#include "rewards/math/values/numeric.h"

namespace gradus::rewards::math {
namespace {

std::string without_spaces(std::string_view text) {
  std::string result;
  for (const char c : lower_case(text)) {
    const bool is_dressing = c == ' ' || c == '.' || c == '(' || c == ')' || c == '"' ||
                             c == '\'' || c == '*' || c == '-';
    if (!is_dressing) result += c;
  }
  return result;
}

/// "an ellipse" says "ellipse", and "there is no solution" says "no solution".
std::string_view without_lead(std::string_view words) {
  for (const std::string_view lead : {"a ", "an ", "the ", "there is ", "there are ", "it is "}) {
    if (lower_case(words.substr(0, lead.size())) == lead) return words.substr(lead.size());
  }
  return words;
}

/// The word a node was written as; empty if it was none.
std::string word_of(const Node& node) {
  const bool can_be = node.kind == NodeKind::text || node.kind == NodeKind::multiply ||
                      node.kind == NodeKind::symbol || node.kind == NodeKind::constant;
  if (!can_be) return "";
  const std::string word = without_spaces(without_lead(node.name));
  return word == "doesnotexist" || word == "doesntexist" ? "dne" : word;
}

/// Several values, a set or a relation: no expression.
bool is_composite(const Node& node) {
  switch (node.kind) {
    case NodeKind::list:
    case NodeKind::set:
    case NodeKind::group:
    case NodeKind::set_builder:
    case NodeKind::set_union:
    case NodeKind::set_intersection:
    case NodeKind::set_minus:
    case NodeKind::element_of:
    case NodeKind::relation:
      return true;
    default:
      return false;
  }
}

/// 3:30 PM.
bool is_time(const Node& quantity) {
  return quantity.name == "am" || quantity.name == "pm";
}

bool is_radian(const Node& quantity) {
  return quantity.name == "radians" || quantity.name == "radian" || quantity.name == "rad";
}

/// n (mod m).
bool is_modulus(const Node& quantity) {
  return quantity.kids.size() == 2;
}

/// Both units in the same terms, as far as one says no more than that it is money.
std::pair<Unit, Unit> matched_units(const Node& g, const Node& a) {
  std::pair<Unit, Unit> units{unit_of(g.name), unit_of(a.name)};
  match_money(units.first, units.second);
  return units;
}

bool measure_differently(const Unit& g, const Unit& a) {
  return !g.dimension.empty() && !a.dimension.empty() && g.dimension != a.dimension;
}

bool says_no_solution(const std::string& words) {
  return words == "nosolution" || words == "nosolutions" || words == "emptyset" ||
         words == "theemptyset" || words == "norealsolution" || words == "norealsolutions" ||
         words == "norealroots" || words == "none";
}

}  // namespace

bool Comparison::same_values(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  if (is_composite(gold) || is_composite(answer)) {
    return decide(false, "answers of different kinds");
  }
  if (gold.kind == NodeKind::text || answer.kind == NodeKind::text) {
    const std::string gold_word = word_of(gold);
    const std::string answer_word = word_of(answer);
    const bool both_empty_sets = (gold.name == "{}" || says_no_solution(gold_word)) &&
                                 (answer.name == "{}" || says_no_solution(answer_word));
    if (both_empty_sets) return decide(true, "both say that there is no solution");
    return decide(!gold_word.empty() && gold_word == answer_word, "words");
  }
  const bool are_values_of_one = gold.kind == NodeKind::call && answer.kind == NodeKind::call &&
                                 gold.name == answer.name && !function_name(gold.name);
  if (are_values_of_one && same_in_order(gold.kids, answer.kids)) {
    return decide(true, "values of one function");
  }
  if (gold.kind == NodeKind::matrix || answer.kind == NodeKind::matrix) {
    const bool is_alike = gold.kind == answer.kind && gold.value == answer.value;
    return decide(is_alike && same_in_order(gold.kids, answer.kids), "entries of a matrix");
  }
  if (gold.kind == NodeKind::based || answer.kind == NodeKind::based) {
    return decide(same_based(gold, answer), "digits in a base");
  }
  return same_expression(g, a);
}

bool Comparison::same_based(const Node& g, const Node& a) {
  if (g.kind == NodeKind::based && a.kind == NodeKind::based) {
    const auto base = [](const Node& node) {
      return static_cast<int>(node.value.small_integer().value_or(10));
    };
    const auto x = Rational::from_digits(g.name, base(g));
    const auto y = Rational::from_digits(a.name, base(a));
    return x && y && *x == *y;
  }
  // A base that only one side names: the digits must be those.
  const Node& based = g.kind == NodeKind::based ? g : a;
  const Node& other = g.kind == NodeKind::based ? a : g;
  if (other.kind == NodeKind::number) {
    const auto digits = Rational::from_decimal(based.name);
    return digits && other.value == *digits;
  }
  return !word_of(other).empty() && word_of(other) == without_spaces(based.name);
}

bool Comparison::same_ratio(const Node& g, const Node& a) {
  const auto is_zero = [&](int32_t id) {
    return tree_.at(id).kind == NodeKind::number && tree_.at(id).value.is_zero();
  };
  if (g.kids.size() != a.kids.size()) {  // 20:34:00 is the time 20:34
    const Node& longer = g.kids.size() > a.kids.size() ? g : a;
    if (g.kids.size() + a.kids.size() != 5 || !is_zero(longer.kids[2])) return false;
    return same_in_order({g.kids[0], g.kids[1]}, {a.kids[0], a.kids[1]});
  }
  bool has_zero = false;
  for (size_t i = 0; i < g.kids.size(); ++i) {
    has_zero = has_zero || is_zero(g.kids[i]) || is_zero(a.kids[i]);
  }
  if (has_zero) return same_in_order(g.kids, a.kids);  // 12:00 is a time of day
  for (size_t i = 0; i + 1 < g.kids.size(); ++i) {
    const int32_t left = make(NodeKind::multiply, {g.kids[i], a.kids[i + 1]});
    const int32_t right = make(NodeKind::multiply, {g.kids[i + 1], a.kids[i]});
    if (!same_plain_expression(left, right)) return false;
  }
  return true;
}

bool Comparison::same_infinity(int32_t g, int32_t a, bool& is_decided) const {
  const auto sign = [&](int32_t id) {
    const Node* node = &tree_.at(id);
    int result = 1;
    while (node->kind == NodeKind::negate) {
      node = &tree_.at(node->kids[0]);
      result = -result;
    }
    return node->kind == NodeKind::constant && node->name == "oo" ? result : 0;
  };
  const int gold = sign(g);
  const int answer = sign(a);
  is_decided = gold != 0 || answer != 0;
  return gold == answer;
}

bool Comparison::same_expression(int32_t g, int32_t a) {
  const int32_t g_with_unit = with_unit(g, a);
  a = with_unit(a, g);
  g = g_with_unit;
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  bool is_decided = false;
  const bool is_infinity = same_infinity(g, a, is_decided);
  if (is_decided) return decide(is_infinity, "infinity");
  if (gold.kind == NodeKind::quantity || answer.kind == NodeKind::quantity) {
    return same_quantity(g, a);
  }
  if (gold.kind == NodeKind::ratio && answer.kind == NodeKind::ratio) {
    return decide(same_ratio(gold, answer), "ratios");
  }
  if (gold.kind == NodeKind::percent && answer.kind == NodeKind::percent) {
    return same_expression(gold.kids[0], answer.kids[0]);
  }
  if (gold.kind == NodeKind::percent || answer.kind == NodeKind::percent) {
    const int32_t g_bare = gold.kind == NodeKind::percent ? gold.kids[0] : g;
    const int32_t a_bare = answer.kind == NodeKind::percent ? answer.kids[0] : a;
    return same_plain_expression(g_bare, a_bare) || same_plain_expression(g, a);
  }
  return same_plain_expression(g, a);
}

bool Comparison::units_differ(int32_t g, int32_t a) const {
  const Node& gold = tree_.at(g);
  const Node& answer = tree_.at(a);
  if (gold.kind != NodeKind::quantity || answer.kind != NodeKind::quantity) return false;
  const auto [g_unit, a_unit] = matched_units(gold, answer);
  return measure_differently(g_unit, a_unit);
}

/// Both are "n (mod m)": the same residue class.
bool Comparison::same_residue(const Node& g, const Node& a) {
  if (!same(g.kids[1], a.kids[1])) return decide(false, "moduli differ");
  const auto residue = [&](const Node& node) { return make(NodeKind::modulo, node.kids); };
  return same_plain_expression(g.kids[0], a.kids[0]) ||
         same_plain_expression(residue(g), residue(a));
}

/// 4:30 PM is 16:30. Nothing where the other is no time by the clock of 24 hours.
std::optional<bool> Comparison::same_clock(const Node& halved, const Node& other) {
  if (!is_time(halved) || other.kind != NodeKind::ratio) return std::nullopt;
  const Node clock = tree_.at(halved.kids[0]);
  const auto hour_of = [&](const Node& time) {
    const Node& hour = tree_.at(time.kids[0]);
    return hour.kind == NodeKind::number ? hour.value.small_integer() : std::nullopt;
  };
  if (clock.kind != NodeKind::ratio || clock.kids.size() != other.kids.size()) return std::nullopt;
  const auto hour = hour_of(clock);
  const auto wanted = hour_of(other);
  if (!hour || !wanted || (*wanted > 0 && *wanted < 13)) return std::nullopt;
  const int64_t of_day = *hour % 12 + (halved.name == "pm" ? 12 : 0);
  return of_day == *wanted && same_in_order({clock.kids.begin() + 1, clock.kids.end()},
                                            {other.kids.begin() + 1, other.kids.end()});
}

/// 180 degrees are pi radians.
bool Comparison::same_in_radians(int32_t degrees, int32_t radians) {
  Node half_turn;
  half_turn.value = Rational(180);
  Node pi;
  pi.kind = NodeKind::constant;
  pi.name = "pi";
  const int32_t share = make(NodeKind::divide, {degrees, tree_.add(std::move(half_turn))});
  const int32_t angle = make(NodeKind::multiply, {share, tree_.add(std::move(pi))});
  return decide(same_plain_expression(angle, radians), "degrees and radians");
}

bool Comparison::same_quantity(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  const bool both = gold.kind == NodeKind::quantity && answer.kind == NodeKind::quantity;
  const int32_t g_value = gold.kind == NodeKind::quantity ? gold.kids[0] : g;
  const int32_t a_value = answer.kind == NodeKind::quantity ? answer.kids[0] : a;
  if (!both) {  // a unit on one side alone is forgiven
    const Node& bare = gold.kind == NodeKind::quantity ? answer : gold;
    const Node& measured = gold.kind == NodeKind::quantity ? gold : answer;
    const bool is_hour = is_time(measured) && tree_.at(measured.kids[0]).kind != NodeKind::ratio;
    if (is_time(measured) && !is_hour && bare.kind != NodeKind::ratio) {
      return decide(false, "units differ");
    }
    if (const auto times = same_clock(measured, bare)) return decide(*times, "times of day");
    if (bare.kind == NodeKind::degrees && is_radian(measured)) {
      return same_in_radians(bare.kids[0], measured.kids[0]);
    }
    const bool is_temperature = measured.name == "celsius" || measured.name == "fahrenheit";
    if (is_temperature && bare.kind == NodeKind::degrees) {
      return same_expression(measured.kids[0], bare.kids[0]);
    }
    if (bare.kind == NodeKind::percent) return decide(false, "units differ");
    return same_expression(g_value, a_value);
  }
  if (is_modulus(gold) && is_modulus(answer)) return same_residue(gold, answer);
  const auto [g_unit, a_unit] = matched_units(gold, answer);
  if (measure_differently(g_unit, a_unit)) return decide(false, "units differ");
  if (g_unit.dimension.empty() || a_unit.dimension.empty()) {
    return same_expression(g_value, a_value);
  }
  if (is_time(gold) && tree_.at(g_value).kind == NodeKind::ratio) {
    return same_in_order(tree_.at(g_value).kids, tree_.at(a_value).kids);
  }
  if (g_unit.factor == a_unit.factor) return same_expression(g_value, a_value);
  const auto scaled = [&](int32_t value, const Rational& factor) {
    Node number;
    number.value = factor;
    return make(NodeKind::multiply, {value, tree_.add(std::move(number))});
  };
  return same_plain_expression(scaled(g_value, g_unit.factor), scaled(a_value, a_unit.factor));
}

/// Decimals are rounded at float_rounding; below that they must agree to as many digits.
bool Comparison::same_decimal(int32_t g, int32_t a) {
  const auto gold = decimal_value({tree_, g}, options_.float_rounding, work_);
  const auto answer =
      gold ? decimal_value({tree_, a}, options_.float_rounding, work_) : std::nullopt;
  if (!answer) return false;
  const Rational unit = Rational::power_of_ten(-options_.float_rounding);
  const Rational distance = (gold->value - answer->value).abs();
  const Rational size = gold->value.abs();
  if (size < unit || answer->value.abs() < unit) return distance <= size * unit;
  return gold->rounded == answer->rounded || distance <= unit * Rational(1, 2);
}

bool Comparison::same_plain_expression(int32_t g, int32_t a) {
  const bool is_decimal = has_decimal(tree_, g) || has_decimal(tree_, a);
  const bool is_constant =
      is_decimal && symbols_in(tree_, g).empty() && symbols_in(tree_, a).empty();
  if (same_symbolic(g, a)) return true;
  if (is_constant && same_decimal(g, a)) return decide(true, "decimals, rounded");
  return false;
}

bool Comparison::same_symbolic(int32_t g, int32_t a) {
  algebra_.forget_undefined();
  const auto gold = algebra_.canonical(tree_, g);
  const auto answer = gold ? algebra_.canonical(tree_, a) : std::nullopt;
  if (gold && answer) {
    const auto gold_value = constant_of(*gold);
    const auto answer_value = constant_of(*answer);
    if (gold_value && answer_value) return decide(*gold_value == *answer_value, "exact numbers");
    const auto verdict = algebra_.equal(*gold, *answer);
    if (verdict && *verdict) return decide(true, "exact form");
  }
  if (algebra_.is_undefined()) return decide(false, "undefined");
  const Verdict verdict = compare_numerically({tree_, g}, {tree_, a}, work_);
  if (verdict == Verdict::too_large) {
    is_past_limits_ = true;
    return decide(false, "numbers past the limits");
  }
  if (verdict == Verdict::unknown) return decide(false, "cannot be decided within the limits");
  return decide(verdict == Verdict::equal, "numeric probing");
}

}  // namespace gradus::rewards::math
