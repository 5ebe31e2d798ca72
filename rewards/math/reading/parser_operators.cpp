#include <array>
#include <utility>

#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"

// What stands between two operands: sums, products, relations, lists.

namespace gradus::rewards::math {

char Parser::relation_here() const {
  constexpr std::array<std::pair<std::string_view, char>, 6> kSymbols{
      {{"=", '='}, {"<", '<'}, {">", '>'}, {"<=", 'l'}, {">=", 'g'}, {"!=", 'n'}}};
  constexpr std::array<std::pair<std::string_view, char>, 20> kCommands{
      {{"le", 'l'},   {"leq", 'l'},      {"leqslant", 'l'},    {"leqq", 'l'},  {"ge", 'g'},
       {"geq", 'g'},  {"geqslant", 'g'}, {"geqq", 'g'},        {"ne", 'n'},    {"neq", 'n'},
       {"lt", '<'},   {"gt", '>'},       {"approx", '~'},      {"equiv", '='}, {"sim", '~'},
       {"cong", '='}, {"simeq", '~'},    {"thickapprox", '~'}, {"eq", '='},    {"approxeq", '~'}}};
  if (here().kind == TokenKind::symbol) {
    const char sign = here().sign;
    if (sign != 0 && sign != '=' && sign != '<' && sign != '>') return 0;
    for (const auto& [text, relation] : kSymbols) {
      if (here().text == text) return relation;
    }
  } else if (here().kind == TokenKind::command) {
    for (const auto& [text, relation] : kCommands) {
      if (here().text == text) return relation;
    }
  }
  return 0;
}

bool Parser::is_joiner_here() const {
  const Token& token = here();
  if (token.kind == TokenKind::command) return token.text == "lor" || token.text == "land";
  if (token.kind == TokenKind::text || token.kind == TokenKind::word) {
    if (token.text.size() < 2) return false;
    return is_joining_word(token.text);
  }
  return false;
}

int32_t Parser::listed(int32_t left, const char* separator, int binding) {
  std::vector<int32_t> items{left};
  std::vector<size_t> group_ends;  // where "and" or "or" parts the items
  std::string name = separator;
  const auto take = [&] {
    if (is_joiner_here()) {
      if (group_ends.empty() || group_ends.back() != items.size()) {
        group_ends.push_back(items.size());
      }
      const std::string word = lower_case(here().text);
      name = word == "and" || word == "land" || word == "und" || word == "et" ? "and" : "or";
    }
    ++at_;
  };
  while (true) {
    const bool is_comma = is_symbol(",") || is_joiner_here();
    if (*separator == ',' ? !is_comma : !is_symbol(";")) break;
    take();
    while (is_symbol(",") || is_joiner_here()) take();
    const bool ends = here().kind == TokenKind::end || is_symbol(")") || is_symbol("]") ||
                      is_symbol("}") || is_symbol("\\}") || is_symbol(".") || is_symbol("&") ||
                      is_symbol("\\\\") || here().text.starts_with("end:");
    if (ends) break;
    items.push_back(expression(binding + 1));
    if (items.size() > kMaxItems) {
      throw SyntaxFault{ParsedMath::Fault::budget, "a list of more than 1,000 items"};
    }
  }
  if (items.size() == 1) return left;
  group_ends.push_back(items.size());
  if (auto groups = equal_groups(items, group_ends)) {
    return make(NodeKind::list, std::move(*groups), ";");
  }
  return make(NodeKind::list, std::move(items), name);
}

/// "p=5, q=2 and p=7, q=2": as many equations on each side of "and" are solutions of their own.
std::optional<std::vector<int32_t>> Parser::equal_groups(const std::vector<int32_t>& items,
                                                         const std::vector<size_t>& ends) {
  const size_t size = ends[0];
  if (ends.size() < 2 || size < 2) return std::nullopt;
  for (const int32_t item : items) {
    if (tree_.at(item).kind != NodeKind::relation) return std::nullopt;
  }
  std::vector<int32_t> groups;
  for (size_t i = 0; i < ends.size(); ++i) {
    if (ends[i] != (i + 1) * size) return std::nullopt;
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(i * size);
    groups.push_back(make(NodeKind::list, {begin, begin + static_cast<std::ptrdiff_t>(size)}, ","));
  }
  return groups;
}

int32_t Parser::related(int32_t left, char relation) {
  std::vector<int32_t> sides{left};
  std::string relations;
  while (relation != 0) {
    ++at_;
    relations += relation;
    sides.push_back(expression(kRelation + 1));
    relation = relation_here();
  }
  return make(NodeKind::relation, std::move(sides), relations);
}

int32_t Parser::added(int32_t left) {
  const bool is_minus = here().sign == '-';
  const Node& before = tree_.at(left);
  if (is_minus && before.kind == NodeKind::constant && before.name.starts_with("set ")) {
    ++at_;  // R - {0}
    return make(NodeKind::set_minus, {left, expression(kSum + 1)});
  }
  ++at_;
  if (!is_minus && is_symbol("-")) {
    ++at_;  // 14.0 + -1.0i
    return joined(NodeKind::add, left, make(NodeKind::negate, {expression(kSum + 1)}));
  }
  const int32_t right = expression(kSum + 1);
  return joined(NodeKind::add, left, is_minus ? make(NodeKind::negate, {right}) : right);
}

bool Parser::is_ratio_word() const {
  const bool is_word = here().kind == TokenKind::text || here().kind == TokenKind::word;
  return is_word && here().text == "to" && ahead().kind == TokenKind::number && at_ > 0 &&
         tokens_[at_ - 1].kind == TokenKind::number;
}

std::optional<int32_t> Parser::operation(int32_t left, int binding) {
  const char sign = here().sign;
  if (sign == '+' || sign == '-') {
    if (binding > kSum) return std::nullopt;
    return added(left);
  }
  if (binding <= kSemicolon && is_symbol(";")) return listed(left, ";", kSemicolon);
  if (binding <= kComma && (is_symbol(",") || is_joiner_here())) {
    const size_t before = at_;
    const int32_t result = listed(left, ",", kComma);
    if (result == left && at_ == before) return std::nullopt;
    return result;
  }
  if (binding <= kImplies && (is_command("Rightarrow") || is_command("implies") ||
                              is_command("therefore") || is_command("Longrightarrow"))) {
    ++at_;
    return expression(kImplies + 1);
  }
  if (binding <= kRelation) {
    if (const char relation = relation_here()) return related(left, relation);
    if (is_command("mapsto")) {  // x \mapsto x^2 is f(x) = x^2
      ++at_;
      const int32_t function = make(NodeKind::call, {left}, "f");
      return make(NodeKind::relation, {function, expression(kRelation + 1)}, "=");
    }
    if (is_command("in")) {
      ++at_;
      return make(NodeKind::element_of, {left, expression(kRelation + 1)});
    }
  }
  if (here().kind == TokenKind::command) return command_operation(left, binding);
  if (is_ratio_word() && binding <= kRatio) {
    return binary(left, binding, kRatio, NodeKind::ratio);  // 1 \text{ to } 2
  }
  if (here().kind == TokenKind::word && here().text == "mod") {
    return binary(left, binding, kModulo, NodeKind::modulo);
  }
  if (here().kind == TokenKind::letter && here().text == "x" && binding <= kProduct &&
      here().space_before && ahead().kind == TokenKind::number && ahead().space_before &&
      tree_.at(left).kind == NodeKind::number) {
    ++at_;  // 2.5 x 10^3
    return joined(NodeKind::multiply, left, expression(kUnary));
  }
  return here().kind == TokenKind::symbol ? symbol_operation(left, binding) : std::nullopt;
}

/// An operator that takes two operands and binds with `power`, if it may be taken here.
std::optional<int32_t> Parser::binary(int32_t left, int binding, int power, NodeKind kind) {
  if (binding > power) return std::nullopt;
  ++at_;
  return make(kind, {left, expression(power + 1)});
}

std::optional<int32_t> Parser::command_operation(int32_t left, int binding) {
  const std::string_view name = here().text;
  if (name == "cup" || name == "bigcup") return binary(left, binding, kUnion, NodeKind::set_union);
  if (name == "setminus" || name == "backslash")
    return binary(left, binding, kUnion, NodeKind::set_minus);
  if (name == "cap" || name == "bigcap")
    return binary(left, binding, kIntersection, NodeKind::set_intersection);
  if (name == "bmod" || name == "mod") return binary(left, binding, kModulo, NodeKind::modulo);
  if (name == "div" || name == "slash") return binary(left, binding, kProduct, NodeKind::divide);
  if ((name == "pm" || name == "mp") && binding <= kSum) {
    const bool is_plus = name == "pm";
    ++at_;
    const int32_t node = make(NodeKind::plus_minus, {left, expression(kSum + 1)});
    tree_.at(node).value = Rational(is_plus ? 1 : -1);
    return node;
  }
  if (name == "times" && binding <= kProduct) return crossed(left);
  if (name == "circ" || name == "otimes" || name == "ltimes" || name == "rtimes") {
    return binding <= kProduct ? std::optional(ordered_operation(left)) : std::nullopt;
  }
  if ((name == "cdot" || name == "ast" || name == "cdotp") && binding <= kProduct) {
    ++at_;
    return joined(NodeKind::multiply, left, expression(kUnary));
  }
  if (name == "over" && binding <= kProduct) {
    ++at_;
    return make(NodeKind::divide, {left, expression(kProduct + 1)});
  }
  if (name == "choose" && binding <= kProduct) {
    ++at_;
    return make(NodeKind::call, {left, expression(kProduct + 1)}, "binom");
  }
  return std::nullopt;
}

std::optional<int32_t> Parser::symbol_operation(int32_t left, int binding) {
  const std::string_view text = here().text;
  if (text == "*" && binding <= kProduct) {
    ++at_;
    return joined(NodeKind::multiply, left, expression(kUnary));
  }
  if (text == "/" && binding <= kProduct) {
    ++at_;
    return make(NodeKind::divide, {left, expression(kJuxtaposed + 1)});
  }
  if (text == ":" && binding <= kRatio && !is_builder_) {
    std::vector<int32_t> parts{left};
    while (take_symbol(":")) parts.push_back(expression(kRatio + 1));
    const Node last = tree_.at(parts.back());
    if (last.kind == NodeKind::quantity && (last.name == "am" || last.name == "pm")) {
      parts.back() = last.kids[0];
      return make(NodeKind::quantity, {make(NodeKind::ratio, std::move(parts))}, last.name);
    }
    return make(NodeKind::ratio, std::move(parts));
  }
  return std::nullopt;
}

}  // namespace gradus::rewards::math
