#include <algorithm>
#include <utility>

#include "rewards/math/names.h"
#include "rewards/math/reading/parser_impl.h"

namespace gradus::rewards::math {

/// The A|B of P(A|B), as one name, with its closing bracket.
std::optional<int32_t> Parser::conditional_event() {
  const auto is_name = [](const Token& token) {
    return token.kind == TokenKind::letter || token.kind == TokenKind::word;
  };
  const bool has_bar = ahead().sign == '|' || ahead().text == "mid";
  if (!is_name(here()) || !has_bar || !is_name(ahead(2)) || ahead(3).sign != ')') {
    return std::nullopt;
  }
  const std::string name = std::string(here().text) + "|" + std::string(ahead(2).text);
  at_ += 4;
  const int32_t event = make(NodeKind::symbol, {}, name);
  tree_.at(event).is_bracketed = true;
  return event;
}

int32_t Parser::bracketed() {
  const Depth depth(*this);
  if (is_symbol("{")) return braces();
  if (is_symbol("\\{")) return finite_set();
  if (is_symbol("|")) return between_bars();
  const std::string open(here().text);
  if (open != "(" && open != "[" && open != "]") fail("unexpected \"" + open + "\"");
  ++at_;
  if (const auto event = conditional_event()) return *event;
  const bool was_builder = std::exchange(is_builder_, false);
  const int num_bars = std::exchange(num_bars_, 0);
  const bool was_reversed = std::exchange(is_reversed_, open == "]");
  std::vector<int32_t> items{expression(kComma + 1)};
  while (is_symbol(",") || is_symbol(";")) {
    ++at_;
    items.push_back(expression(kComma + 1));
  }
  is_builder_ = was_builder;
  num_bars_ = num_bars;
  is_reversed_ = was_reversed;
  const std::string close(here().text);
  if (here().kind != TokenKind::symbol || (close != ")" && close != "]" && close != "[")) {
    fail("expected a closing bracket");
  }
  if (close == "[" && items.size() != 2) fail("expected a closing bracket");
  ++at_;
  if (items.size() == 1 && open != "]") {
    tree_.at(items[0]).is_bracketed = true;
    return items[0];
  }
  // ]0,1[ is the open interval.
  const std::string left = open == "]" ? "(" : open;
  const std::string right = close == "[" ? ")" : close;
  return make(NodeKind::group, std::move(items), left + right);
}

/// LaTeX's own braces: they group and are not seen.
int32_t Parser::braces() {
  const Depth depth(*this);
  expect_symbol("{");
  const bool was_builder = std::exchange(is_builder_, false);
  const int num_bars = std::exchange(num_bars_, 0);
  if (take_symbol("}")) {
    is_builder_ = was_builder;
    num_bars_ = num_bars;
    return operand();  // {} before an index or a sign is nothing
  }
  const int32_t inside = expression(kAnything);
  is_builder_ = was_builder;
  num_bars_ = num_bars;
  expect_symbol("}");
  tree_.at(inside).is_bracketed = true;
  return inside;
}

int32_t Parser::finite_set() {
  const Depth depth(*this);
  expect_symbol("\\{");
  if (take_symbol("\\}")) return make(NodeKind::constant, {}, "{}");
  const bool was_builder = std::exchange(is_builder_, true);
  const int num_bars = std::exchange(num_bars_, 0);
  std::vector<int32_t> items{expression(kComma + 1)};
  const bool is_builder = is_symbol("|") || is_symbol(":") || is_command("mid");
  is_builder_ = false;
  if (is_builder) {
    ++at_;
    const int32_t condition = expression(kAnything);
    is_builder_ = was_builder;
    num_bars_ = num_bars;
    expect_symbol("\\}");
    return make(NodeKind::set_builder, {items[0], condition});
  }
  while (is_symbol(",") || is_symbol(";") || is_joiner_here()) {
    ++at_;
    items.push_back(expression(kComma + 1));
  }
  is_builder_ = was_builder;
  num_bars_ = num_bars;
  expect_symbol("\\}");
  return make(NodeKind::set, std::move(items));
}

int32_t Parser::between_bars() {
  const Depth depth(*this);
  expect_symbol("|");
  ++num_bars_;
  const int32_t inside = expression(kComma + 1);
  --num_bars_;
  expect_symbol("|");
  return make(NodeKind::call, {inside}, "abs");
}

int32_t Parser::rounded(const std::string& name) {
  const Depth depth(*this);
  const int32_t inside = expression(kComma + 1);
  const std::string closing = name == "lfloor" ? "rfloor" : name == "lceil" ? "rceil" : "rvert";
  if (!is_command(closing)) fail("expected \\" + closing);
  ++at_;
  return make(NodeKind::call, {inside},
              name == "lfloor"  ? "floor"
              : name == "lceil" ? "ceil"
                                : "abs");
}

int32_t Parser::environment(const std::string& name) {
  const Depth depth(*this);
  std::vector<int32_t> cells;
  size_t num_columns = 0;
  size_t in_row = 0;
  const auto ends = [&] {
    return here().kind == TokenKind::command && here().text.starts_with("end:");
  };
  while (!ends()) {
    cells.push_back(expression(kAnything));
    ++in_row;
    if (take_symbol("&")) continue;
    if (num_columns == 0) num_columns = in_row;
    if (in_row != num_columns) fail("rows of a matrix must be equally long");
    in_row = 0;
    if (!take_symbol("\\\\") && !ends()) fail("expected a new row or \\end");
    while (take_symbol("\\\\")) {
    }
  }
  if (cells.empty() || in_row != 0) fail("an empty or ragged matrix");
  ++at_;
  // Lines under each other, and a system of equations, are a list.
  const bool is_system =
      num_columns == 1 && std::all_of(cells.begin(), cells.end(), [&](int32_t c) {
        return tree_.at(c).kind == NodeKind::relation;
      });
  if (name == "lines" || is_system) {
    return cells.size() == 1 ? cells[0] : make(NodeKind::list, std::move(cells), ",");
  }
  const int32_t matrix = make(NodeKind::matrix, std::move(cells), name == "vmatrix" ? "det" : "");
  tree_.at(matrix).value = Rational(static_cast<int64_t>(num_columns));
  return matrix;
}

}  // namespace gradus::rewards::math
