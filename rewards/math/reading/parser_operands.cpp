#include "rewards/math/names.h"
#include "rewards/math/prepare.h"
#include "rewards/math/reading/parser_impl.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {
namespace {

/// "The answer is", "Answer:", "exactly": words in front of an answer that say nothing of it.
bool leads_to_answer(std::string_view words) {
  const std::string lower = lower_case(words);
  for (const std::string_view denial : {"not", "wrong", "incorrect", "never", "false"}) {
    if (lower.find(denial) != std::string::npos) return false;
  }
  return lower.ends_with(':') || lower == "exactly" || lower == "precisely" || lower == "is" ||
         lower.ends_with("answer is") || lower.ends_with("solution is");
}

bool is_single_letter_function(const std::string& name) {
  return name == "f" || name == "g" || name == "h" || name == "F" || name == "G" || name == "H";
}

}  // namespace

int32_t Parser::operand() {
  switch (here().kind) {
    case TokenKind::number:
      return number();
    case TokenKind::letter:
      return letter();
    case TokenKind::word:
      return word();
    case TokenKind::command:
      return command();
    case TokenKind::text: {
      // \text{lcm} names a function, \text{13} is a number; all else is words.
      std::string words(here().text);
      ++at_;
      if (const auto called = function_name(words)) return function(*called);
      if (const auto value = value_in_words(words)) return *value;
      if ((words == "$" || words == "\\$") && here().kind == TokenKind::number) {
        return make(NodeKind::quantity, {operand()}, "currency");
      }
      if (leads_to_answer(words) && (here().kind == TokenKind::number || starts_operand())) {
        const Depth depth(*this);
        return operand();
      }
      while (here().kind == TokenKind::text && !is_joiner_here()) {
        words += ' ';
        words += here().text;
        ++at_;
      }
      return words_or_list(words);
    }
    case TokenKind::symbol:
      break;
    case TokenKind::end:
      fail("unexpected end");
  }
  if (is_symbol("-")) {
    ++at_;
    const Depth depth(*this);
    return make(NodeKind::negate, {expression(kUnary)});
  }
  if (is_symbol("+")) {
    ++at_;
    return expression(kUnary);
  }
  if (is_symbol("...")) {
    ++at_;
    return make(NodeKind::ellipsis, {});
  }
  if (is_symbol("\\$")) {
    ++at_;
    const int32_t amount = operand();
    return make(NodeKind::quantity, {amount}, "currency");
  }
  return bracketed();
}

/// The value that \text holds: a number, with a unit or not, or a name such as infinity.
std::optional<int32_t> Parser::value_in_words(const std::string& words) {
  if (const auto constant = constant_name(words)) return make(NodeKind::constant, {}, *constant);
  const bool is_number = words.find_first_not_of("0123456789.,+-/ ") == std::string::npos;
  if (!is_number && (words.empty() || words[0] < '0' || words[0] > '9')) return std::nullopt;
  if (words.find_first_of("{\\") != std::string::npos) return std::nullopt;
  const ParsedMath value = parse_math(words, options_);
  if (!value.ok()) return std::nullopt;
  const NodeKind kind = value.tree.at(value.tree.root).kind;
  const bool is_value = is_number || kind == NodeKind::quantity || kind == NodeKind::percent;
  if (!is_value) return std::nullopt;
  return copied(value.tree, value.tree.root, tree_);
}

/// Words; "Monday and Friday" is a list of two.
int32_t Parser::words_or_list(const std::string& words) {
  std::vector<int32_t> items;
  std::string item;
  std::string word;
  const auto end_item = [&] {
    while (!item.empty() && (item.back() == ',' || item.back() == ' ')) item.pop_back();
    if (!item.empty()) items.push_back(make(NodeKind::text, {}, item));
    item.clear();
  };
  for (const char c : words + " ") {
    if (c != ' ') {
      word += c;
      continue;
    }
    if (word == "and" || word == "or") {
      end_item();
    } else if (!word.empty()) {
      item += (item.empty() ? "" : " ") + word;
      if (item.back() == ',') end_item();
    }
    word.clear();
  }
  end_item();
  if (items.empty()) fail("words that say nothing");
  return items.size() == 1 ? items[0] : make(NodeKind::list, std::move(items), ",");
}

int32_t Parser::number() {
  const Token token = here();
  ++at_;
  const int32_t whole = make_number(token.value, token.is_decimal);
  const bool can_be_mixed = token.value.is_integer() && !token.is_decimal &&
                            token.text.find_first_not_of("0123456789,") == std::string::npos;
  if (!can_be_mixed) return whole;
  const auto is_integer = [](const Token& t) {
    return t.kind == TokenKind::number && t.value.is_integer() && !t.is_decimal;
  };
  // 2 1/4
  if (is_integer(here()) && here().space_before && ahead().text == "/" && is_integer(ahead(2)) &&
      !ahead().space_before && !ahead(2).space_before) {
    const Rational top = here().value;
    const Rational bottom = ahead(2).value;
    if (!(top < bottom)) fail("the fraction of a mixed number must be proper");
    at_ += 3;
    return make_number(token.value + top / bottom);
  }
  // 2\frac{1}{4}
  if (is_command("frac") || is_command("dfrac") || is_command("tfrac")) {
    if (const auto part = proper_fraction_here()) {
      at_ += part->num_tokens;
      return make_number(token.value + part->value);
    }
  }
  return whole;
}

/// The \frac here, if it is a proper fraction of integers: a look ahead, since reading it as an
/// operand and then again as a factor would double the work at each level of nesting.
std::optional<Parser::ProperFraction> Parser::proper_fraction_here() const {
  size_t used = 1;
  std::string_view digits;  // of \frac12, not yet taken
  const auto part = [&]() -> std::optional<Rational> {
    if (digits.empty() && ahead(used).sign == '{') {
      const Token& inside = ahead(used + 1);
      const bool is_integer = inside.kind == TokenKind::number && inside.value.is_integer() &&
                              !inside.is_decimal && ahead(used + 2).sign == '}';
      used += 3;
      return is_integer ? std::optional(inside.value) : std::nullopt;
    }
    if (digits.empty()) {
      const Token& token = ahead(used++);
      const bool is_plain = token.kind == TokenKind::number && options_.allows_malformed &&
                            token.text.find_first_not_of("0123456789") == std::string_view::npos;
      if (!is_plain) return std::nullopt;
      digits = token.text;
    }
    const Rational digit(digits.front() - '0');
    digits.remove_prefix(1);
    return digit;
  };
  const auto top = part();
  const auto bottom = top ? part() : std::nullopt;
  if (!bottom || !digits.empty() || top->sign() <= 0 || !(*top < *bottom)) return std::nullopt;
  return ProperFraction{*top / *bottom, used};
}

/// f' and f^{\prime}.
bool Parser::take_prime() {
  if (take_symbol("'")) return true;
  if (!is_symbol("^")) return false;
  const bool is_braced = ahead().sign == '{' && ahead(3).sign == '}';
  const Token& mark = ahead(is_braced ? 2 : 1);
  if (mark.kind != TokenKind::command || mark.text != "prime") return false;
  at_ += is_braced ? 4 : 2;
  return true;
}

int32_t Parser::letter() {
  const std::string name(here().text);
  ++at_;
  if (name == "e") return make(NodeKind::constant, {}, "e");
  if (name == "i" && !is_symbol("_")) return make(NodeKind::constant, {}, "i");
  const int32_t node = make(NodeKind::symbol, {}, name);
  if (tokens_[at_ - 1].is_bold) bold_.push_back(node);
  if (!is_single_letter_function(name)) return node;
  if (is_symbol("_")) subscripted(node);
  while (take_prime()) tree_.at(node).name += "'";
  if (is_symbol("^") && ahead().text == "{" && ahead(2).text == "-" && ahead(3).text == "1" &&
      ahead(4).text == "}") {
    at_ += 5;
    tree_.at(node).name += "^-1";
  }
  if (!is_symbol("(")) return node;
  ++at_;
  std::vector<int32_t> arguments{expression(kComma + 1)};
  while (take_symbol(",")) arguments.push_back(expression(kComma + 1));
  expect_symbol(")");
  return make(NodeKind::call, std::move(arguments), tree_.at(node).name);
}

int32_t Parser::word() {
  const std::string name(here().text);
  const auto function_word = function_name(name);
  if (function_word) {
    ++at_;
    return function(*function_word);
  }
  if (const auto constant = constant_name(name)) {
    ++at_;
    return make(NodeKind::constant, {}, *constant);
  }
  if (is_symbol_command(name)) {
    ++at_;
    return make(NodeKind::symbol, {}, name);
  }
  if (name.size() > 64) {
    ++at_;
    return make(NodeKind::text, {}, name);
  }
  // sinx, lnx, sqrtx: a function's name run into its argument.
  for (size_t size = name.size() - 1; size >= 2 && size + 2 >= name.size(); --size) {
    const auto prefix = function_name(name.substr(0, size));
    if (!prefix) continue;
    Token& token = tokens_[at_];
    token.text.remove_prefix(size);
    token.kind = token.text.size() == 1 ? TokenKind::letter : TokenKind::word;
    token.space_before = true;
    return function(*prefix);
  }
  constexpr int kMaxWords = 24;
  if (++num_words_ > kMaxWords) fail("words in place of mathematics");
  // Letters side by side multiply; the last of them takes what follows (ab^2).
  const bool is_bold = here().is_bold;
  ++at_;
  std::vector<int32_t> letters;
  for (const char c : name) {
    const std::string one(1, c);
    const bool is_constant = c == 'e' || c == 'i';
    letters.push_back(make(is_constant ? NodeKind::constant : NodeKind::symbol, {}, one));
    if (is_bold) bold_.push_back(letters.back());
  }
  while (true) {
    const auto last = postfix(letters.back(), kPower);
    if (!last) break;
    letters.back() = *last;
  }
  // A B^{-1}: letters of matrices keep their order.
  const bool are_matrices = is_bold || is_matrix_like(letters.back());
  if (are_matrices) {
    if (const auto product = ordered_letters(letters)) return *product;
  }
  return make(NodeKind::multiply, std::move(letters), name);
}

}  // namespace gradus::rewards::math
