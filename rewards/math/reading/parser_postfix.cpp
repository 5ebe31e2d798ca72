#include <algorithm>
#include <array>

#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"
#include "rewards/math/units.h"

// What stands behind an operand and belongs to it: powers, indices, factorials, percent.

namespace gradus::rewards::math {

std::optional<int32_t> Parser::postfix(int32_t left, int binding) {
  if (here().kind == TokenKind::symbol) {
    const char sign = here().sign;
    if (sign == '+' || sign == '-' || sign == ',' || sign == ')' || sign == '}') {
      return std::nullopt;
    }
    const std::string_view text = here().text;
    if (text == "^" || text == "**") return raised(left);
    if (text == "_") return subscripted(left);
    if (text == "!") {
      ++at_;
      const int32_t node = make(NodeKind::factorial, {left});
      tree_.at(node).value = Rational(take_symbol("!") ? 2 : 1);
      return node;
    }
    if (text == "%") {
      ++at_;
      return make(NodeKind::percent, {left});
    }
    if (text == "'") {
      ++at_;
      if (tree_.at(left).kind != NodeKind::symbol) fail("a prime behind no name");
      tree_.at(left).name += "'";
      return left;
    }
    return std::nullopt;
  }
  if (here().kind == TokenKind::command) {
    if ((here().text == "pmod" || here().text == "pod") && binding <= kSum) {
      ++at_;
      return make(NodeKind::quantity, {left, braced_or_single()}, "mod");
    }
    const bool composes = here().text == "circ" && tree_.at(left).kind == NodeKind::symbol &&
                          ahead().kind == TokenKind::letter;  // f \circ g
    if (!composes && (here().text == "degree" || here().text == "circ")) {
      ++at_;
      return degrees(left);
    }
    const bool is_micro = here().text == "mu" && ahead().kind == TokenKind::text &&
                          tree_.at(left).kind == NodeKind::number && binding <= kProduct;
    if (is_micro && is_measured("µ" + std::string(ahead().text))) {
      ++at_;
      return make(NodeKind::quantity, {left}, "µ" + unit_name());
    }
    return std::nullopt;
  }
  if (tree_.at(left).kind == NodeKind::degrees) {
    if (const auto angle = with_minutes(left)) return angle;
  }
  if (binding <= kProduct) return unit(left);
  return std::nullopt;
}

/// How many tokens from `at` ahead on spell `count` primes (', ^\prime, ^{\prime\prime}, "); 0: the
/// next ones do not.
size_t Parser::primes_ahead(size_t at, size_t count) const {
  if (ahead(at).sign == '"' && count == 2) return 1;
  if (ahead(at).sign == '^' && ahead(at + 1).text == "prime" && count == 1) return 2;
  const bool is_braced = ahead(at).sign == '^' && ahead(at + 1).sign == '{';
  const size_t first = is_braced ? at + 2 : at;
  for (size_t i = 0; i < count; ++i) {
    const Token& token = ahead(first + i);
    if (is_braced ? token.text != "prime" : token.sign != '\'') return 0;
  }
  if (!is_braced) return ahead(first + count).sign == '\'' ? 0 : count;
  return ahead(first + count).sign == '}' ? count + 3 : 0;
}

/// Minutes and seconds of an angle: 179° 59' 56".
std::optional<int32_t> Parser::with_minutes(int32_t degrees) {
  std::vector<int32_t> parts{tree_.at(degrees).kids[0]};
  const bool is_negative = tree_.at(parts[0]).kind == NodeKind::negate;
  for (const auto& [count, share] : {std::pair<size_t, int64_t>{1, 60}, {2, 3600}}) {
    const size_t size = here().kind == TokenKind::number ? primes_ahead(1, count) : 0;
    if (size == 0) continue;
    const int32_t part = make(NodeKind::divide, {number(), make_number(Rational(share))});
    at_ += size;
    parts.push_back(is_negative ? make(NodeKind::negate, {part}) : part);
  }
  if (parts.size() == 1) return std::nullopt;
  return make(NodeKind::degrees, {make(NodeKind::add, std::move(parts))});
}

/// A word that is but letters side by side: ab, but not pi.
bool Parser::is_plain_word() const {
  const Token& token = here();
  return token.kind == TokenKind::word && !function_name(token.text) &&
         !constant_name(token.text) && !is_symbol_command(token.text);
}

/// Takes the first letter of a plain word and leaves the rest: x^ab, \frac ab.
int32_t Parser::first_letter() {
  Token& token = tokens_[at_];
  const std::string name(token.text.substr(0, 1));
  token.text.remove_prefix(1);
  token.space_before = false;
  if (token.text.size() == 1) token.kind = TokenKind::letter;
  const bool is_constant = name == "e" || name == "i";
  return make(is_constant ? NodeKind::constant : NodeKind::symbol, {}, name);
}

/// Degrees, of an angle or, before C and F, of temperature.
int32_t Parser::degrees(int32_t left) {
  const bool is_letter_here = here().kind == TokenKind::letter || here().kind == TokenKind::text;
  if (is_letter_here && (here().text == "C" || here().text == "F")) {
    const std::string scale = here().text == "C" ? "celsius" : "fahrenheit";
    ++at_;
    return make(NodeKind::quantity, {left}, scale);
  }
  return make(NodeKind::degrees, {left});
}

int32_t Parser::raised(int32_t left) {
  ++at_;
  if (is_command("circ") || is_command("degree")) {
    ++at_;
    return degrees(left);
  }
  const bool is_half_line = tree_.at(left).kind == NodeKind::constant &&
                            tree_.at(left).name == "set R" && (is_symbol("+") || is_symbol("-"));
  if (is_half_line) {
    tree_.at(left).name += here().sign;
    ++at_;
    return left;
  }
  if (is_command("prime")) {
    ++at_;
    tree_.at(left).name += "'";
    return left;
  }
  if (here().kind == TokenKind::text) {  // 5^{\text{th}} without braces
    ++at_;
    return left;
  }
  if (is_symbol("{") &&
      (ahead().text == "circ" || ahead().kind == TokenKind::text || ahead().text == "prime") &&
      ahead(2).text == "}") {
    const std::string_view what = ahead().text;
    at_ += 3;
    if (what == "circ") return degrees(left);
    if (what == "prime") tree_.at(left).name += "'";
    return left;
  }
  if (is_symbol("{") && ahead().sign == '}') {  // 7^{}
    at_ += 2;
    return left;
  }
  const Depth depth(*this);
  int32_t exponent = 0;
  if (is_symbol("-") || is_symbol("+")) {
    const bool is_minus = is_symbol("-");
    ++at_;
    exponent = expression(kPower);
    if (is_minus) exponent = make(NodeKind::negate, {exponent});
  } else if (is_symbol("(") || is_symbol("{")) {
    exponent = operand();
    if (is_symbol("^")) exponent = raised(exponent);
  } else {
    exponent = is_plain_word() ? first_letter() : operand();
    if (is_symbol("^") || is_symbol("**")) exponent = raised(exponent);
  }
  if (is_symbol("_") && tree_.at(left).kind == NodeKind::symbol) left = subscripted(left);  // x^2_1
  const Node& base = tree_.at(left);
  const Node& power = tree_.at(exponent);
  const bool is_transposed = power.kind == NodeKind::symbol &&
                             (power.name == "T" || power.name == "top") &&
                             base.kind == NodeKind::matrix;
  if (is_transposed) return make(NodeKind::call, {left}, "transpose");
  return make(NodeKind::power, {left, exponent});
}

namespace {

/// 5 of "5", "(5)" and "five"; nullopt where it is no base from 2 to 36.
std::optional<Rational> base_named(std::string_view index) {
  constexpr std::array<std::string_view, 15> kNames{
      "two", "three",  "four",   "five",     "six",      "seven",   "eight",  "nine",
      "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen"};
  if (index.starts_with('(') && index.ends_with(')')) index = index.substr(1, index.size() - 2);
  const auto name = std::find(kNames.begin(), kNames.end(), index);
  if (name != kNames.end()) return Rational(2 + (name - kNames.begin()));
  const auto base = Rational::from_decimal(index);
  const bool is_base = base && Rational(2) <= *base && *base <= Rational(36);
  return is_base ? base : std::nullopt;
}

}  // namespace

int32_t Parser::subscripted(int32_t left) {
  const std::string_view number_text = at_ > 0 ? tokens_[at_ - 1].text : "";
  ++at_;
  const std::string index = raw_group();
  Node& node = tree_.at(left);
  if (node.kind == NodeKind::symbol) {
    node.name += "_" + index;
    return left;
  }
  const bool is_number = node.kind == NodeKind::number;
  const bool is_integer = is_number && node.value.is_integer();
  const std::string_view places = is_number && !is_integer ? number_text : "";
  const bool is_read = places.find_first_not_of("0123456789.") == std::string_view::npos;
  if ((is_number && is_read) || node.kind == NodeKind::text) {
    const auto base = base_named(index);
    if (!base) fail("a base from 2 to 36 expected");
    const std::string digits = is_integer  ? node.value.str()
                               : is_number ? std::string(places)
                                           : node.name;
    const int32_t result = make(NodeKind::based, {}, digits);
    tree_.at(result).value = *base;
    return result;
  }
  fail("a subscript behind no name");
}

}  // namespace gradus::rewards::math
