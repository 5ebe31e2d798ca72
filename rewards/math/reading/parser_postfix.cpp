#include <algorithm>
#include <array>

#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"
#include "rewards/math/units.h"

// What stands behind an operand and belongs to it: powers, indices, factorials, percent, units.

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
    if (here().text == "degree" || here().text == "circ") {
      ++at_;
      return degrees(left);
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

namespace {

/// "(maybe 2)", "or more", "is wrong": not a unit, but a doubt about the number before it.
bool hedges(std::string_view remark) {
  constexpr std::array<std::string_view, 25> kDoubts{
      "or",      "maybe", "perhaps",   "possibly", "not",   "wrong",  "either", "approximately",
      "at most", "at",    "more",      "less",     "than",  "unless", "but",    "other",
      "about",   "nor",   "incorrect", "plus",     "minus", "half",   "times",  "tens",
      "quarter"};
  if (remark.find_first_of("0123456789") != std::string_view::npos &&
      remark.find('^') == std::string_view::npos) {
    return true;
  }
  std::string word;
  for (const char c : lower_case(remark) + " ") {
    if (c >= 'a' && c <= 'z') {
      word += c;
      continue;
    }
    if (std::find(kDoubts.begin(), kDoubts.end(), word) != kDoubts.end()) return true;
    word.clear();
  }
  return false;
}

}  // namespace

/// "am" or "pm" behind an hour, however it is written; takes it.
std::optional<std::string> Parser::half_of_day() {
  std::string half;
  for (const char c : lower_case(here().text)) {
    if (c != '.' && c != ' ') half += c;
  }
  if (here().kind == TokenKind::letter && ahead().sign == '.' && ahead(2).text == "m") {
    half += "m";
    if (half != "am" && half != "pm") return std::nullopt;
    at_ += ahead(3).sign == '.' ? 4 : 3;
    return half;
  }
  const bool is_word = here().kind == TokenKind::text || here().kind == TokenKind::word;
  if (!is_word || (half != "am" && half != "pm")) return std::nullopt;
  ++at_;
  return half;
}

/// 5 ft 6 in: two quantities of one dimension are one.
int32_t Parser::mixed_quantity(int32_t left) {
  const Depth depth(*this);
  int32_t right = operand();
  if (const auto measured = unit(right)) right = *measured;
  const Node whole = tree_.at(left);
  const Node part = tree_.at(right);
  if (part.kind != NodeKind::quantity) fail("two values side by side");
  const Unit unit = unit_of(whole.name);
  const Unit small = unit_of(part.name);
  const bool fits = unit.dimension == small.dimension && small.factor < unit.factor;
  if (!fits || !is_measured(whole.name)) fail("two values side by side");
  const int32_t ratio = make_number(small.factor / unit.factor);
  const int32_t scaled = make(NodeKind::multiply, {part.kids[0], ratio});
  return make(NodeKind::quantity, {make(NodeKind::add, {whole.kids[0], scaled})}, whole.name);
}

/// A word behind a value: percent, a multiplier, a unit, or a remark.
std::optional<int32_t> Parser::unit(int32_t left) {
  const Token& token = here();
  if (token.kind == TokenKind::letter && token.space_before &&
      tree_.at(left).kind == NodeKind::number && is_unit(token.text) && ahead().sign == '/' &&
      is_unit(ahead(2).text)) {
    const std::string name = std::string(token.text) + "/" + std::string(ahead(2).text);
    at_ += 3;  // 10 m/s
    return make(NodeKind::quantity, {left}, name);
  }
  const bool is_apart = token.space_before || token.kind == TokenKind::text;
  if (tree_.at(left).kind == NodeKind::number && is_apart) {
    if (const auto half = half_of_day()) return make(NodeKind::quantity, {left}, *half);
  }
  if (token.kind != TokenKind::text && token.kind != TokenKind::word) return std::nullopt;
  if (is_joiner_here()) return std::nullopt;
  if (is_percent_word(token.text)) {
    ++at_;
    return make(NodeKind::percent, {left});
  }
  const bool is_number = tree_.at(left).kind == NodeKind::number;
  const bool is_money =
      tree_.at(left).kind == NodeKind::quantity && tree_.at(left).name == "currency";
  if (const int64_t factor = multiplier_of(token.text); factor != 0 && (is_number || is_money)) {
    ++at_;
    if (is_money) {  // \$5 million
      const int32_t amount = tree_.at(left).kids[0];
      const int32_t scaled = make(NodeKind::multiply, {amount, make_number(Rational(factor))});
      return make(NodeKind::quantity, {scaled}, "currency");
    }
    return joined(NodeKind::multiply, left, make_number(Rational(factor)));
  }
  if (lower_case(token.text) == "degrees" || lower_case(token.text) == "degree") {
    ++at_;
    return make(NodeKind::degrees, {left});
  }
  const bool is_remark = token.kind == TokenKind::text && !function_name(token.text);
  if (is_remark && hedges(token.text)) fail("a remark that takes the answer back");
  if (token.text == "squared" || token.text == "cubed") {
    const int64_t exponent = token.text == "squared" ? 2 : 3;
    ++at_;
    return make(NodeKind::power, {left, make_number(Rational(exponent))});
  }
  const bool is_known = is_unit(token.text) && (is_number || token.space_before);
  const bool is_long = token.kind == TokenKind::word && token.text.size() >= 4 && is_number &&
                       !function_name(token.text) && !constant_name(token.text) &&
                       (!is_symbol_command(token.text) || ahead().kind == TokenKind::word);
  if (!is_remark && !is_known && !is_long) return std::nullopt;
  const std::string token_text(token.text);
  std::string name;
  while (here().kind == TokenKind::text || here().kind == TokenKind::word ||
         (is_symbol("/") && !name.empty() &&
          (ahead().kind == TokenKind::text || ahead().kind == TokenKind::word ||
           ahead().kind == TokenKind::letter)) ||
         (here().kind == TokenKind::letter && !name.empty() && name.back() == '/')) {
    if (is_joiner_here()) break;
    if (!name.empty() && here().kind != TokenKind::symbol && name.back() != '/') name += ' ';
    name += here().text;
    ++at_;
  }
  while (true) {
    if (is_symbol("^")) {
      ++at_;
      name += "^" + raw_group();
    } else if (is_command("cdot") && is_unit(ahead().text) && is_unit(token_text)) {
      ++at_;
      name += " " + std::string(here().text);  // m \cdot s^{-1}
      ++at_;
    } else {
      break;
    }
  }
  if (is_money) {  // \$15 per hour; \$15 dollars
    const bool is_rate = name.starts_with("per ") || name.starts_with('/');
    return is_rate ? make(NodeKind::quantity, {tree_.at(left).kids[0]}, "currency " + name) : left;
  }
  if (is_remark && !is_known) {
    const int32_t remarked = with_condition(left, name);
    if (remarked >= 0) return remarked;
  }
  return make(NodeKind::quantity, {left}, name);
}

/// "values of n", "for integer k", "where k is odd": the name that ends a remark belongs to it, and
/// so does the condition behind "where". -1 where the remark stands alone.
int32_t Parser::with_condition(int32_t left, const std::string& remark) {
  constexpr std::array<std::string_view, 6> kConditions{"where", "for",  "with",
                                                        "when",  "such", "given"};
  const std::string first = remark.substr(0, remark.find(' '));
  const bool is_condition =
      std::find(kConditions.begin(), kConditions.end(), first) != kConditions.end();
  if (!starts_operand()) return -1;
  if (is_condition) {
    expression(kRelation);
    return left;
  }
  if (here().kind != TokenKind::letter) return -1;
  if (ahead().kind != TokenKind::end && ahead().sign != ',' && ahead().sign != '}') return -1;
  ++at_;
  return make(NodeKind::quantity, {left}, remark);
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
  if (here().kind == TokenKind::letter && (here().text == "C" || here().text == "F")) {
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
