#include "rewards/math/reading/parser.h"

#include <algorithm>
#include <array>
#include <utility>

#include "rewards/math/names.h"
#include "rewards/math/reading/normalize.h"
#include "rewards/math/reading/parser_impl.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {

Parser::Depth::Depth(Parser& owner) : parser(owner) {
  if (++parser.depth_ > kMaxDepth) {
    --parser.depth_;
    throw SyntaxFault{ParsedMath::Fault::budget, "nested too deep"};
  }
}

void Parser::fail(const std::string& what) const {
  throw SyntaxFault{ParsedMath::Fault::syntax, what + " at byte " + std::to_string(here().at)};
}

bool Parser::take_symbol(std::string_view text) {
  if (!is_symbol(text)) return false;
  ++at_;
  return true;
}

void Parser::expect_symbol(std::string_view text) {
  if (!take_symbol(text)) fail("expected " + std::string(text));
}

int32_t Parser::make(NodeKind kind, std::vector<int32_t> kids, std::string name) {
  Node node;
  node.kind = kind;
  node.kids = std::move(kids);
  node.name = std::move(name);
  for (const int32_t kid : node.kids) deepen(node, kid);
  return tree_.add(std::move(node));
}

/// What walks the tree calls itself; a long chain of divisions must not exhaust the stack.
void Parser::deepen(Node& node, int32_t kid) const {
  node.depth = std::max(node.depth, tree_.at(kid).depth + 1);
  if (node.depth > kMaxDepth) {
    throw SyntaxFault{ParsedMath::Fault::budget, "a chain of more than 2,400 operations"};
  }
}

int32_t Parser::make_number(const Rational& value, bool is_decimal) {
  Node node;
  node.value = value;
  node.is_decimal = is_decimal;
  return tree_.add(std::move(node));
}

Tree Parser::run() {
  const auto leads_on = [&] {
    return is_symbol("=") || is_symbol(":") || is_command("approx") || is_command("implies") ||
           is_command("Rightarrow");
  };
  while (leads_on()) ++at_;
  if (here().kind == TokenKind::end) fail("empty");
  tree_.root = expression(kAnything);
  if (!conditions_.empty()) {
    conditions_.insert(conditions_.begin(), tree_.root);
    tree_.root = make(NodeKind::list, std::move(conditions_), ",");
  }
  while (is_symbol(".") || is_symbol(",") || is_symbol(";")) ++at_;
  if (here().kind != TokenKind::end) fail("unexpected \"" + std::string(here().text) + "\"");
  return std::move(tree_);
}

int32_t Parser::expression(int binding) {
  const Depth depth(*this);
  int32_t left = operand();
  while (true) {
    const char sign = here().sign;
    const bool ends_term = binding > kSum && (sign == '+' || sign == '-');
    if (ends_term) return left;  // as the three below find out, but slowly
    auto next = postfix(left, binding);
    if (!next) next = operation(left, binding);
    if (!next) next = juxtaposition(left, binding);
    if (!next) return left;
    left = *next;
  }
}

/// Adds to a sum or product that is being read, so that long ones stay flat.
int32_t Parser::joined(NodeKind kind, int32_t left, int32_t right) {
  if (kind == NodeKind::multiply) {
    if (const auto ordered = ordered_product(left, right)) return *ordered;
  }
  Node& node = tree_.at(left);
  if (node.kind == kind && !node.is_bracketed) {
    // Numbers of long sums and products are worked out as they come, while they are short.
    constexpr size_t kManyKids = 64;
    constexpr int64_t kShortBits = 4096;
    const bool is_last = static_cast<size_t>(right) + 1 == tree_.nodes.size();
    if (node.kids.size() > kManyKids && is_last) {
      const Node& next = tree_.at(right);
      Node& before = tree_.at(node.kids.back());
      const bool are_numbers = next.kind == NodeKind::number && !next.is_decimal &&
                               before.kind == NodeKind::number && !before.is_decimal;
      if (are_numbers && before.value.num_bits() + next.value.num_bits() < kShortBits) {
        if (kind == NodeKind::add) before.value += next.value;
        if (kind == NodeKind::multiply) before.value *= next.value;
        tree_.nodes.pop_back();
        return left;
      }
    }
    deepen(node, right);
    node.kids.push_back(right);
    return left;
  }
  return make(kind, {left, right});
}

/// d x or d\theta.
bool Parser::is_differential_here() const {
  if (here().kind != TokenKind::letter || here().text != "d") return false;
  return ahead().kind == TokenKind::letter ||
         (ahead().kind == TokenKind::command && is_symbol_command(ahead().text));
}

/// The last bracket of [0, 1[: nothing follows that it could open.
bool Parser::closes_interval() const {
  const Token& next = ahead();
  return next.kind == TokenKind::end || next.text == "cup" || next.text == "cap" ||
         next.text == "setminus";
}

bool Parser::starts_operand() const {
  const Token& token = here();
  switch (token.kind) {
    case TokenKind::letter:
    case TokenKind::word:
      return true;
    case TokenKind::number:
    case TokenKind::text:
    case TokenKind::end:
      return false;
    case TokenKind::symbol:
      return token.text == "(" || token.text == "{" ||
             (token.text == "[" && !is_reversed_ && !closes_interval()) || token.text == "\\{" ||
             (token.text == "|" && num_bars_ == 0 && !is_builder_);
    case TokenKind::command:
      break;
  }
  constexpr std::array<std::string_view, 27> kOpening{"frac",   "dfrac",    "tfrac",
                                                      "cfrac",  "sqrt",     "binom",
                                                      "dbinom", "tbinom",   "sum",
                                                      "prod",   "int",      "lim",
                                                      "lfloor", "lceil",    "lvert",
                                                      "vec",    "overline", "hat",
                                                      "bar",    "mathbb",   "overrightarrow",
                                                      "langle", "widehat",  "tilde",
                                                      "dot",    "ddot",     "overleftrightarrow"};
  for (const auto name : kOpening) {
    if (token.text == name) return true;
  }
  return function_name(token.text) || constant_name(token.text) || is_symbol_command(token.text) ||
         token.text.starts_with("begin:");
}

std::optional<int32_t> Parser::juxtaposition(int32_t left, int binding) {
  if (binding > kJuxtaposed) return std::nullopt;
  if (is_joiner_here()) return std::nullopt;
  if (here().kind == TokenKind::number) {
    // A number behind a name multiplies; behind a number it would change it.
    const Node& before = tree_.at(left);
    if (before.kind == NodeKind::quantity) return mixed_quantity(left);
    const bool ends_in_power =
        before.kind == NodeKind::multiply && tree_.at(before.kids.back()).kind == NodeKind::power;
    const bool is_plain =
        before.kind == NodeKind::number || (before.kind == NodeKind::multiply && !ends_in_power);
    if (is_plain && !before.is_bracketed) fail("two numbers side by side");
    return joined(NodeKind::multiply, left, expression(kJuxtaposed + 1));
  }
  if (!starts_operand()) return std::nullopt;
  const bool is_nothing = is_symbol("{") && ahead().sign == '}';
  if (is_nothing && ahead(2).kind == TokenKind::number) fail("two numbers side by side");
  if (num_integrals_ > 0) {
    const bool is_d = is_differential_here();
    const bool is_dx =
        here().kind == TokenKind::word && here().text.size() == 2 && here().text[0] == 'd';
    if (is_d || is_dx) return std::nullopt;
  }
  if (here().kind == TokenKind::letter && here().text == "x" && here().space_before &&
      ahead().kind == TokenKind::number && ahead().space_before && binding > kProduct) {
    return std::nullopt;
  }
  const bool is_unit_of_outer = binding > kProduct && here().kind == TokenKind::word &&
                                here().space_before && is_unit(here().text) &&
                                tree_.at(left).kind == NodeKind::number;
  if (is_unit_of_outer) return std::nullopt;  // -5 dollars
  const bool is_remark = is_symbol("(") && ahead().kind == TokenKind::text && ahead(2).sign == ')';
  if (is_remark && !function_name(ahead().text)) {
    ++at_;  // 5 (\text{units})
    const auto remarked = unit(left);
    expect_symbol(")");
    return remarked ? *remarked : left;
  }
  const bool is_condition = is_symbol("(") && ahead(2).kind == TokenKind::command &&
                            ahead(2).text == "in" && ahead().kind == TokenKind::letter;
  if (is_condition) {
    conditions_.push_back(operand());
    return left;
  }
  return joined(NodeKind::multiply, left, expression(kJuxtaposed + 1));
}

namespace {

/// Whether brackets nest deeper than the parser goes: a quick look before the work.
bool is_too_deep(std::string_view text) {
  int depth = 0;
  for (const char c : text) {
    if (c == '(' || c == '{' || c == '[') ++depth;
    if (c == ')' || c == '}' || c == ']') --depth;
    if (depth > kMaxDepth) return true;
  }
  return false;
}

}  // namespace

ParsedMath parse_math(std::string_view text, const ParseOptions& options) {
  ParsedMath parsed;
  if (is_too_deep(text)) {
    parsed.fault = ParsedMath::Fault::budget;
    parsed.reason = "nested too deep";
    return parsed;
  }
  TokenList list(normalized_math(text));
  if (!tokenize(list, options.style, parsed.reason)) {
    parsed.fault = ParsedMath::Fault::budget;
    return parsed;
  }
  try {
    parsed.tree = Parser(list, options).run();
  } catch (const SyntaxFault& fault) {
    parsed.fault = fault.fault;
    parsed.reason = fault.reason;
  }
  return parsed;
}

}  // namespace gradus::rewards::math
