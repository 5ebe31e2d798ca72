#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"

// Operands that start with a command of LaTeX.

namespace gradus::rewards::math {
namespace {

/// Two forms of one letter.
std::string letter_named(const std::string& name) {
  return name == "varphi"       ? "phi"
         : name == "varepsilon" ? "epsilon"
         : name == "vartheta"   ? "theta"
         : name == "varrho"     ? "rho"
                                : name;
}

}  // namespace

int32_t Parser::command() {
  const std::string name(here().text);
  ++at_;
  if (name == "frac" || name == "dfrac" || name == "tfrac" || name == "cfrac") {
    --at_;
    return fraction();
  }
  if (name == "sqrt") return root();
  if (name == "binom" || name == "dbinom" || name == "tbinom") return binomial();
  if (name == "sum" || name == "prod") return big_operator(name);
  if (name == "int") return integral();
  if (name == "lim") return limit();
  if (name == "lfloor" || name == "lceil" || name == "lvert") return rounded(name);
  if (name == "ldots" || name == "cdots" || name == "dots" || name == "dotsc" || name == "dotsb" ||
      name == "dotsm" || name == "vdots" || name == "ddots") {
    return make(NodeKind::ellipsis, {});
  }
  if (name == "pm" || name == "mp") return plus_minus(name);
  if (name == "langle") return pointed_group();
  if (name.starts_with("begin:")) return environment(name.substr(6));
  if (name == "mathbb" || name == "Bbb") {
    const std::string set = raw_group();
    return make(NodeKind::constant, {}, "set " + set);
  }
  if (const auto named = named_command(name)) return *named;
  if (name == "to" || name == "therefore" || name == "quad") {
    const Depth depth(*this);
    return operand();
  }
  return command_run_into_next(name);
}

int32_t Parser::plus_minus(const std::string& name) {
  const int32_t zero = make_number(Rational(0));
  const int32_t node = make(NodeKind::plus_minus, {zero, expression(kUnary)});
  tree_.at(node).value = Rational(name == "pm" ? 1 : -1);
  return node;
}

/// Behind \langle.
int32_t Parser::pointed_group() {
  std::vector<int32_t> items{expression(kComma + 1)};
  while (take_symbol(",")) items.push_back(expression(kComma + 1));
  if (!is_command("rangle")) fail("expected \\rangle");
  ++at_;
  return make(NodeKind::group, std::move(items), "()");
}

/// A command that is a name: of a vector, a function, a constant, a point, a symbol.
std::optional<int32_t> Parser::named_command(const std::string& name) {
  if (name == "vec" || name == "overline" || name == "hat" || name == "bar" || name == "tilde" ||
      name == "overrightarrow" || name == "widehat" || name == "underline" || name == "dot" ||
      name == "ddot" || name == "overleftrightarrow") {
    return decorated(name);
  }
  if (const auto function_command = function_name(name)) return function(*function_command);
  if (const auto constant = constant_name(name)) return make(NodeKind::constant, {}, *constant);
  if (name == "triangle" || name == "angle") {
    // \angle ABC: one name.
    std::string points;
    while (here().kind == TokenKind::letter || here().kind == TokenKind::word) {
      points += here().text;
      ++at_;
    }
    return make(NodeKind::symbol, {}, name + points);
  }
  if (is_symbol_command(name)) {
    const int32_t symbol = make(NodeKind::symbol, {}, letter_named(name));
    if (name == "nabla") bold_.push_back(symbol);  // a vector: \nabla \times E
    return symbol;
  }
  return std::nullopt;
}

/// \cotx, \pix: a command run into what follows it.
int32_t Parser::command_run_into_next(const std::string& name) {
  for (size_t size = name.size() - 1; size >= 2; --size) {
    const std::string prefix = name.substr(0, size);
    if (!function_name(prefix) && !constant_name(prefix) && !is_symbol_command(prefix) &&
        prefix != "quad") {
      continue;
    }
    Token& token = tokens_[--at_];
    const auto prefix_function = function_name(prefix);
    token.text.remove_prefix(size);
    token.kind = token.text.size() == 1 ? TokenKind::letter : TokenKind::word;
    if (prefix_function) return function(*prefix_function);
    if (prefix == "quad") {
      const Depth depth(*this);
      return operand();
    }
    if (const auto constant = constant_name(prefix)) return make(NodeKind::constant, {}, *constant);
    return make(NodeKind::symbol, {}, prefix);
  }
  --at_;
  fail("unknown command \\" + name);
}

/// One operand for \frac12 and its like: braces, or one digit, letter or command.
int32_t Parser::braced_or_single() {
  const Depth depth(*this);
  if (is_symbol("{")) return braces();
  if (!options_.allows_malformed) fail("expected {");
  if (here().kind == TokenKind::number && here().text.size() > 1 &&
      here().text.find_first_not_of("0123456789") == std::string::npos) {
    Token& token = tokens_[at_];
    const int32_t digit = make_number(Rational(token.text[0] - '0'));
    token.text.remove_prefix(1);
    token.value = *Rational::from_decimal(token.text);
    token.space_before = false;
    return digit;
  }
  if (is_symbol("-")) {
    ++at_;
    return make(NodeKind::negate, {braced_or_single()});
  }
  return is_plain_word() ? first_letter() : operand();
}

int32_t Parser::fraction() {
  if (const auto rate = derivative()) return *rate;
  const Depth depth(*this);
  const Depth also(*this);  // \frac\frac\frac takes more of the stack a level than brackets do
  ++at_;
  const int32_t top = braced_or_single();
  const int32_t bottom = braced_or_single();
  return make(NodeKind::divide, {top, bottom});
}

int32_t Parser::root() {
  const Depth depth(*this);
  const Depth also(*this);
  int32_t index = -1;
  if (take_symbol("[")) {
    index = expression(kComma + 1);
    expect_symbol("]");
  }
  if (!is_symbol("{") && !options_.allows_malformed) fail("expected {");
  const int32_t radicand = is_symbol("{") ? braces() : operand();
  if (index < 0) index = make_number(Rational(2));
  return make(NodeKind::root, {radicand, index});
}

int32_t Parser::binomial() {
  const Depth depth(*this);
  const Depth also(*this);
  const int32_t top = braced_or_single();
  const int32_t bottom = braced_or_single();
  return make(NodeKind::call, {top, bottom}, "binom");
}

/// \overline{2+3i}: the conjugate, with -i for i; nullopt where the line is over a name.
std::optional<int32_t> Parser::conjugate() {
  if (!is_symbol("{")) return std::nullopt;
  bool has_sum = false;
  bool has_unit = false;
  for (size_t n = 1; ahead(n).sign != '}'; ++n) {
    const Token& token = ahead(n);
    if (token.kind == TokenKind::end || token.sign == '{' || n > 40) return std::nullopt;
    has_sum = has_sum || token.sign == '+' || token.sign == '-';
    has_unit = has_unit || (token.kind == TokenKind::letter && token.text == "i");
  }
  if (!has_sum || !has_unit) return std::nullopt;
  const auto first = tree_.nodes.size();
  const int32_t inside = braces();
  const auto end = tree_.nodes.size();
  for (size_t id = first; id < end; ++id) {
    if (tree_.nodes[id].kind != NodeKind::constant || tree_.nodes[id].name != "i") continue;
    const int32_t unit = make(NodeKind::constant, {}, "i");
    Node& turned = tree_.nodes[id];
    turned.kind = NodeKind::negate;
    turned.name.clear();
    turned.kids = {unit};
  }
  return inside;
}

int32_t Parser::decorated(const std::string& name) {
  if (name == "overline" || name == "bar") {
    if (const auto conjugated = conjugate()) return *conjugated;
  }
  const std::string inside = raw_group();
  const bool is_vector = name == "vec" || name == "overrightarrow" || name == "hat";
  const std::string mark = name == "overline" ? "bar" : name;
  const int32_t symbol =
      make(NodeKind::symbol, {}, is_vector && inside.size() == 1 ? inside : mark + inside);
  if (is_vector) bold_.push_back(symbol);
  return symbol;
}

/// The tokens of a braced group, or of one operand, as text: an index, a name.
std::string Parser::raw_group() {
  std::string text;
  if (!is_symbol("{")) {
    text = here().text;
    if (here().kind == TokenKind::end) fail("unexpected end");
    ++at_;
    return text;
  }
  int depth = 0;
  do {
    if (is_symbol("{")) ++depth;
    if (is_symbol("}")) --depth;
    if (here().kind == TokenKind::end) fail("expected }");
    const bool is_brace = is_symbol("{") || is_symbol("}");
    if (!is_brace) text += here().text;
    ++at_;
  } while (depth > 0);
  return text;
}

}  // namespace gradus::rewards::math
