#include "rewards/math/values/evaluator.h"

#include <array>
#include <string_view>

#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

uint64_t hash_of(std::string_view text, uint64_t salt) {
  uint64_t hash = 0xCBF29CE484222325ULL ^ (salt * 0x9E3779B97F4A7C15ULL);
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  hash ^= hash >> 29;
  hash *= 0xBF58476D1CE4E5B9ULL;
  return hash ^ (hash >> 32);
}

/// Ranges of the fixed values, in hundredths; sign 0: by the name. Both signs and several sizes, so
/// that |x + 20| is seen not to be x + 20.
struct Range {
  int64_t low;
  int64_t high;
  int sign;
};
constexpr std::array<Range, kNumPoints> kRanges{{{30, 95, 1},
                                                 {120, 260, 1},
                                                 {15, 90, -1},
                                                 {300, 700, 1},
                                                 {120, 310, -1},
                                                 {1000, 2000, 1},
                                                 {10, 500, 0},
                                                 {110, 900, 0},
                                                 {2100, 6000, -1},
                                                 {15, 700, 0},
                                                 {5000, 40000, 1},
                                                 {15000, 90000, -1},
                                                 {40, 3000, 0}}};

bool is_larger_than(const acb_struct* value, slong bits) {
  mag_t bound;
  mag_init(bound);
  acb_get_mag(bound, value);
  const bool is_larger = mag_cmp_2exp_si(bound, bits) > 0;
  mag_clear(bound);
  return is_larger;
}

using Function = void (*)(acb_t, const acb_t, slong);

Function plain_function(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Function>, 21> kFunctions{
      {{"sin", acb_sin},     {"cos", acb_cos},      {"tan", acb_tan},      {"cot", acb_cot},
       {"sec", acb_sec},     {"csc", acb_csc},      {"sinh", acb_sinh},    {"cosh", acb_cosh},
       {"tanh", acb_tanh},   {"coth", acb_coth},    {"arcsin", acb_asin},  {"arccos", acb_acos},
       {"arctan", acb_atan}, {"arsinh", acb_asinh}, {"arcosh", acb_acosh}, {"artanh", acb_atanh},
       {"ln", acb_log},      {"exp", acb_exp},      {"sqrt", acb_sqrt},    {"sgn", acb_sgn},
       {"sech", acb_sech}}};
  for (const auto& [known, function] : kFunctions) {
    if (name == known) return function;
  }
  return nullptr;
}

/// Whether a function's values are real numbers, of arguments that may not be.
bool is_real_function(const std::string& name) {
  return name == "abs" || name == "floor" || name == "ceil" || name == "max" || name == "min" ||
         name == "re" || name == "im" || name == "arg";
}

}  // namespace

void Evaluator::symbol(const std::string& name, Ball& result) const {
  for (const auto& [given, value] : assignment_.given) {
    if (given == name) {
      result = value;
      return;
    }
  }
  const Range& range = kRanges[static_cast<size_t>(assignment_.point)];
  const uint64_t hash = hash_of(name, static_cast<uint64_t>(assignment_.point));
  constexpr int64_t kSteps = 9973;
  const int64_t step = static_cast<int64_t>(hash % kSteps);
  const bool is_negative = range.sign < 0 || (range.sign == 0 && (hash >> 40) % 2 == 1);
  const int64_t value = range.low * kSteps + (range.high - range.low) * step;
  acb_set_si(result.get(), is_negative ? -value : value);
  acb_div_si(result.get(), result.get(), 100 * kSteps, precision_);
}

bool Evaluator::evaluate_constant(const std::string& name, Ball& result) const {
  if (name == "pi") {
    acb_const_pi(result.get(), precision_);
  } else if (name == "e") {
    acb_zero(result.get());
    arb_const_e(result.real(), precision_);
  } else if (name == "i") {
    acb_onei(result.get());
  } else {
    return false;
  }
  return true;
}

bool Evaluator::evaluate_sum(const Node& node, Ball& result) {
  acb_zero(result.get());
  Ball term;
  for (const int32_t kid : node.kids) {
    if (!evaluate(kid, term)) return false;
    acb_add(result.get(), result.get(), term.get(), precision_);
  }
  return true;
}

bool Evaluator::evaluate_product(const Node& node, Ball& result) {
  acb_one(result.get());
  Ball factor;
  for (const int32_t kid : node.kids) {
    if (!evaluate(kid, factor)) return false;
    acb_mul(result.get(), result.get(), factor.get(), precision_);
  }
  return true;
}

bool Evaluator::evaluate_quotient(const Node& node, Ball& result) {
  if (!evaluate(node.kids[0], result)) return false;
  Ball divisor;
  for (size_t i = 1; i < node.kids.size(); ++i) {
    if (!evaluate(node.kids[i], divisor)) return false;
    acb_div(result.get(), result.get(), divisor.get(), precision_);
  }
  return result.is_finite();
}

bool Evaluator::evaluate_degrees(const Node& node, Ball& result) {
  if (!evaluate(node.kids[0], result)) return false;
  if (!in_trigonometry_) return true;
  Ball pi;
  acb_const_pi(pi.get(), precision_);
  acb_mul(result.get(), result.get(), pi.get(), precision_);
  acb_div_si(result.get(), result.get(), 180, precision_);
  return true;
}

bool Evaluator::evaluate_power_of(const Node& node, Ball& result) {
  Ball base;
  Ball exponent;
  if (!evaluate(node.kids[0], base)) return false;
  if (const auto odd = odd_root(node.kids[1]); odd && is_negative(base)) {
    // (-8)^(2/3) is real, as the cube root is.
    acb_neg(base.get(), base.get());
    acb_set_fmpq(exponent.get(), odd->raw(), precision_);
    if (!evaluate_power(base, exponent, result)) return false;
    if (odd->numerator().small_integer().value_or(0) % 2 != 0) {
      acb_neg(result.get(), result.get());
    }
    return true;
  }
  if (!evaluate(node.kids[1], exponent)) return false;
  return evaluate_power(base, exponent, result);
}

bool Evaluator::evaluate_root_of(const Node& node, Ball& result) {
  Ball radicand;
  if (!evaluate(node.kids[0], radicand)) return false;
  const Node& index = tree_.at(node.kids[1]);
  const auto n = index.kind == NodeKind::number ? index.value.small_integer() : std::nullopt;
  if (n && *n > 0 && *n < 10'000) return evaluate_root(radicand, *n, result);
  Ball exponent;
  if (!evaluate(node.kids[1], exponent)) return false;
  acb_inv(exponent.get(), exponent.get(), precision_);
  return evaluate_power(radicand, exponent, result);
}

bool Evaluator::evaluate(int32_t id, Ball& result) {
  if (!work_.spend(1 + precision_ / 64)) return false;
  const Node& node = tree_.at(id);
  switch (node.kind) {
    case NodeKind::number:
      acb_set_fmpq(result.get(), node.value.raw(), precision_);
      return true;
    case NodeKind::symbol:
      symbol(node.name, result);
      return true;
    case NodeKind::ellipsis:
      symbol("...", result);
      return true;
    case NodeKind::constant:
      return evaluate_constant(node.name, result);
    case NodeKind::add:
      return evaluate_sum(node, result);
    case NodeKind::multiply:
      return evaluate_product(node, result);
    case NodeKind::negate:
      if (!evaluate(node.kids[0], result)) return false;
      acb_neg(result.get(), result.get());
      return true;
    case NodeKind::divide:
    case NodeKind::ratio:
      return evaluate_quotient(node, result);
    case NodeKind::power:
      return evaluate_power_of(node, result);
    case NodeKind::root:
      return evaluate_root_of(node, result);
    case NodeKind::percent:
      if (!evaluate(node.kids[0], result)) return false;
      acb_div_si(result.get(), result.get(), 100, precision_);
      return true;
    case NodeKind::degrees:
      return evaluate_degrees(node, result);
    case NodeKind::quantity:
      return evaluate(node.kids[0], result);
    case NodeKind::factorial: {
      Ball argument;
      if (node.value == Rational(2) || !evaluate(node.kids[0], argument)) return false;
      return evaluate_factorial(argument, result);
    }
    case NodeKind::call:
      return evaluate_call(node, result);
    default:
      return false;
  }
}

bool Evaluator::is_negative(const Ball& value) {
  return arb_is_negative(value.real()) != 0 && arb_is_zero(value.imag()) != 0;
}

/// The exponent p/q where it is written as a fraction with an odd denominator above 1.
std::optional<Rational> Evaluator::odd_root(int32_t exponent) const {
  const Node& node = tree_.at(exponent);
  if (node.kind == NodeKind::negate) {
    const auto inner = odd_root(node.kids[0]);
    return inner ? std::optional(-*inner) : std::nullopt;
  }
  if (node.kind != NodeKind::divide) return std::nullopt;
  const Node& top = tree_.at(node.kids[0]);
  const Node& bottom = tree_.at(node.kids[1]);
  const bool are_numbers =
      top.kind == NodeKind::number && bottom.kind == NodeKind::number && !bottom.value.is_zero();
  if (!are_numbers) return std::nullopt;
  const Rational value = top.value / bottom.value;
  const auto index = value.denominator().small_integer();
  return index && *index > 1 && *index % 2 == 1 ? std::optional(value) : std::nullopt;
}

bool Evaluator::evaluate_power(Ball& base, Ball& exponent, Ball& result) const {
  if (!acb_is_zero(base.get())) {
    // exp of more than 2^50 would need as many more bits.
    Ball size;
    acb_log(size.get(), base.get(), 64);
    acb_mul(size.get(), size.get(), exponent.get(), 64);
    if (size.is_finite() && is_larger_than(size.get(), 50)) return false;
  }
  acb_pow(result.get(), base.get(), exponent.get(), precision_);
  return result.is_finite();
}

bool Evaluator::evaluate_root(Ball& radicand, int64_t index, Ball& result) const {
  const auto n = static_cast<ulong>(index);
  const bool takes_real_root = is_negative(radicand) && index % 2 == 1;
  if (takes_real_root) acb_neg(radicand.get(), radicand.get());
  acb_root_ui(result.get(), radicand.get(), n, precision_);
  if (takes_real_root) acb_neg(result.get(), result.get());
  return result.is_finite();
}

bool Evaluator::evaluate_factorial(Ball& argument, Ball& result) const {
  if (is_larger_than(argument.get(), 40)) return false;
  acb_add_si(argument.get(), argument.get(), 1, precision_);
  acb_gamma(result.get(), argument.get(), precision_);
  return result.is_finite();
}

bool Evaluator::evaluate_call(const Node& node, Ball& result) {
  const bool was_in = in_trigonometry_;
  in_trigonometry_ = takes_angle(node.name);
  std::vector<Ball> arguments(node.kids.size());
  bool is_complete = true;
  for (size_t i = 0; i < node.kids.size() && is_complete; ++i) {
    is_complete = evaluate(node.kids[i], arguments[i]) && !is_larger_than(arguments[i].get(), 4096);
  }
  in_trigonometry_ = was_in;
  return is_complete && evaluate_function(node.name, arguments, result) && result.is_finite();
}

bool Evaluator::evaluate_function(const std::string& name, std::vector<Ball>& arguments,
                                  Ball& result) {
  Ball& x = arguments[0];
  if (name == "exp" && is_larger_than(x.get(), 50)) return false;
  if ((takes_angle(name) || name.ends_with("h")) && is_larger_than(x.get(), 200)) return false;
  // 1 - tanh(1000) is less than what 2,048 bits tell from nothing.
  if ((name == "tanh" || name == "coth") && is_larger_than(x.get(), 9)) return false;
  if (const Function function = plain_function(name)) {
    function(result.get(), x.get(), precision_);
    return true;
  }
  if (is_real_function(name)) return evaluate_real_function(name, arguments, result);
  if (name == "log") return evaluate_logarithm(arguments, result);
  if (name == "arccot" || name == "arcsec" || name == "arccsc") {
    acb_inv(x.get(), x.get(), precision_);
    const Function inverse = name == "arccot" ? acb_atan : name == "arcsec" ? acb_acos : acb_asin;
    inverse(result.get(), x.get(), precision_);
    return true;
  }
  if (name == "cbrt") return evaluate_root(x, 3, result);
  if (name == "factorial") return evaluate_factorial(x, result);
  if (name == "binom" && arguments.size() == 2) return evaluate_binomial(arguments, result);
  if (name == "gcd" || name == "lcm" || name == "det" || name == "transpose") return false;
  return evaluate_unknown_function(name, arguments, result);
}

bool Evaluator::evaluate_real_function(const std::string& name, std::vector<Ball>& arguments,
                                       Ball& result) const {
  const Ball& x = arguments[0];
  Ball value;
  if (name == "abs") acb_abs(value.real(), x.get(), precision_);
  if (name == "re") arb_set(value.real(), x.real());
  if (name == "im") arb_set(value.real(), x.imag());
  if (name == "arg") acb_arg(value.real(), x.get(), precision_);
  if (name == "floor" || name == "ceil") {
    if (!x.may_be_real()) return false;
    (name == "floor" ? arb_floor : arb_ceil)(value.real(), x.real(), precision_);
  }
  if (name == "max" || name == "min") {
    arb_set(value.real(), x.real());
    for (const Ball& other : arguments) {
      if (!other.may_be_real()) return false;
      (name == "max" ? arb_max : arb_min)(value.real(), value.real(), other.real(), precision_);
    }
  }
  result = value;
  return true;
}

bool Evaluator::evaluate_logarithm(std::vector<Ball>& arguments, Ball& result) const {
  acb_log(result.get(), arguments[0].get(), precision_);
  Ball base;
  acb_set_si(base.get(), 10);
  if (arguments.size() > 1) base = arguments[1];
  acb_log(base.get(), base.get(), precision_);
  acb_div(result.get(), result.get(), base.get(), precision_);
  return true;
}

bool Evaluator::evaluate_binomial(std::vector<Ball>& arguments, Ball& result) const {
  Ball rest;
  acb_sub(rest.get(), arguments[0].get(), arguments[1].get(), precision_);
  Ball bottom;
  Ball other;
  if (!evaluate_factorial(arguments[0], result) || !evaluate_factorial(arguments[1], bottom) ||
      !evaluate_factorial(rest, other)) {
    return false;
  }
  acb_mul(bottom.get(), bottom.get(), other.get(), precision_);
  acb_div(result.get(), result.get(), bottom.get(), precision_);
  return true;
}

/// A function that is not defined here: smooth, fixed by its name.
bool Evaluator::evaluate_unknown_function(const std::string& name, std::vector<Ball>& arguments,
                                          Ball& result) const {
  const uint64_t seed = hash_of(name, 99);
  Ball angle;
  acb_set_si(angle.get(), static_cast<slong>(seed % 997));
  for (size_t i = 0; i < arguments.size(); ++i) {
    Ball part;
    acb_mul_si(part.get(), arguments[i].get(), static_cast<slong>(101 + hash_of(name, i + 1) % 199),
               precision_);
    acb_add(angle.get(), angle.get(), part.get(), precision_);
  }
  acb_div_si(angle.get(), angle.get(), 128, precision_);
  if (is_larger_than(angle.get(), 200)) return false;
  acb_sin(result.get(), angle.get(), precision_);
  Ball offset;
  acb_set_si(offset.get(), static_cast<slong>(seed % 13 + 2));
  acb_add(result.get(), result.get(), offset.get(), precision_);
  return true;
}

}  // namespace gradus::rewards::math
