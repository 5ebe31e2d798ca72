#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"
#include "rewards/math/units.h"

// Words behind a value: units, percent, times of the day, remarks.

namespace gradus::rewards::math {
namespace {

/// "(maybe 2)", "or more", "is wrong": not a unit, but a doubt about the number before it.
bool hedges(std::string_view remark) {
  constexpr std::array<std::string_view, 25> kDoubts{
      "or",      "maybe", "perhaps",   "possibly", "not",   "wrong",  "either", "approximately",
      "at most", "at",    "more",      "less",     "than",  "unless", "but",    "other",
      "about",   "nor",   "incorrect", "plus",     "minus", "half",   "times",  "tens",
      "quarter"};
  for (size_t i = 0; i < remark.size(); ++i) {  // but m2 and s-2 are units
    const bool is_exponent = i > 0 && (is_letter(remark[i - 1]) || remark[i - 1] == '-');
    if (is_digit(remark[i]) && !is_exponent && remark.find('^') == std::string_view::npos) {
      return true;
    }
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
  if (is_joiner_here() || is_ratio_word()) return std::nullopt;
  if (const auto scaled = scaled_by_word(left)) return scaled;
  const bool is_remark = token.kind == TokenKind::text && !function_name(token.text);
  if (is_remark && hedges(token.text)) fail("a remark that takes the answer back");
  if (token.text == "squared" || token.text == "cubed") {
    const int64_t exponent = token.text == "squared" ? 2 : 3;
    ++at_;
    return make(NodeKind::power, {left, make_number(Rational(exponent))});
  }
  return unit_or_remark(left);
}

/// Percent, degrees, millions.
std::optional<int32_t> Parser::scaled_by_word(int32_t left) {
  const Token& token = here();
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
  return std::nullopt;
}

std::optional<int32_t> Parser::unit_or_remark(int32_t left) {
  const Token& token = here();
  const bool is_number = tree_.at(left).kind == NodeKind::number;
  const bool is_remark = token.kind == TokenKind::text && !function_name(token.text);
  const bool is_known = is_unit(token.text) && (is_number || token.space_before);
  const bool is_long = token.kind == TokenKind::word && token.text.size() >= 4 && is_number &&
                       !function_name(token.text) && !constant_name(token.text) &&
                       (!is_symbol_command(token.text) || ahead().kind == TokenKind::word);
  if (!is_remark && !is_known && !is_long) return std::nullopt;
  const std::string name = unit_name();
  const bool is_money =
      tree_.at(left).kind == NodeKind::quantity && tree_.at(left).name == "currency";
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

/// The words of a unit, with its powers: "km per hour", "m^2", "m \cdot s^{-1}".
std::string Parser::unit_name() {
  const std::string first(here().text);
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
    } else if (is_command("cdot") && is_unit(ahead().text) && is_unit(first)) {
      ++at_;
      name += " " + std::string(here().text);  // m \cdot s^{-1}
      ++at_;
    } else {
      break;
    }
  }
  return name;
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

}  // namespace gradus::rewards::math
