#include "rewards/math/rewriting.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace gradus::rewards::math {
namespace {

constexpr int64_t kMaxExpanded = 1'000;

std::optional<int64_t> integer_at(const Tree& tree, int32_t id) {
  const Node& node = tree.at(id);
  if (node.kind == NodeKind::negate) {
    const auto value = integer_at(tree, node.kids[0]);
    return value ? std::optional(-*value) : std::nullopt;
  }
  const bool is_small = node.kind == NodeKind::number && !node.is_decimal;
  return is_small ? node.value.small_integer() : std::nullopt;
}

int32_t number_of(Tree& tree, const Rational& value) {
  Node node;
  node.value = value;
  return tree.add(std::move(node));
}

/// Whether a call of this name is in the subtree.
bool has_call(const Tree& tree, int32_t id, std::string_view name) {
  const Node& node = tree.at(id);
  if (node.kind == NodeKind::call && node.name == name) return true;
  return std::any_of(node.kids.begin(), node.kids.end(),
                     [&](int32_t kid) { return has_call(tree, kid, name); });
}

void rename_calls(Tree& tree, int32_t id, std::string_view name, std::string_view to) {
  const std::vector<int32_t> kids = tree.at(id).kids;
  for (const int32_t kid : kids) rename_calls(tree, kid, name, to);
  Node& node = tree.at(id);
  if (node.kind != NodeKind::call || node.name != name) return;
  node.name = to;
  if (to.empty()) node.kind = NodeKind::multiply;
}

}  // namespace

void expand_dots(Tree& tree, int32_t id) {
  const Node node = tree.at(id);
  const bool can_hold = node.kind == NodeKind::list || node.kind == NodeKind::set;
  if (!can_hold || node.kids.size() < 3) return;
  const size_t dots = node.kids.size() - 2;
  if (tree.at(node.kids[dots]).kind != NodeKind::ellipsis) return;
  std::vector<int64_t> values;
  for (size_t i = 0; i < node.kids.size(); ++i) {
    if (i == dots) continue;
    const auto value = integer_at(tree, node.kids[i]);
    if (!value) return;
    values.push_back(*value);
  }
  const int64_t last = values.back();
  values.pop_back();
  const int64_t step = values.size() > 1 ? values[1] - values[0] : 1;
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i] - values[i - 1] != step) return;
  }
  const int64_t rest = last - values.back();
  if (step == 0 || rest % step != 0 || rest / step < 1 || rest / step > kMaxExpanded) return;
  std::vector<int32_t> kids(node.kids.begin(), node.kids.begin() + static_cast<ptrdiff_t>(dots));
  for (int64_t value = values.back() + step; value != last; value += step) {
    kids.push_back(number_of(tree, Rational(value)));
  }
  kids.push_back(node.kids.back());
  tree.at(id).kids = std::move(kids);
}

void apply_names(Tree& tree, int32_t relation) {
  const std::vector<int32_t> sides = tree.at(relation).kids;
  for (const int32_t side : sides) {
    const Node product = tree.at(side);
    if (product.kind != NodeKind::multiply || product.kids.size() != 2) continue;
    const Node name = tree.at(product.kids[0]);
    const Node what = tree.at(product.kids[1]);
    if (name.kind != NodeKind::symbol) continue;
    const bool is_group = what.kind == NodeKind::group && what.name == "()" &&
                          std::any_of(what.kids.begin(), what.kids.end(), [&](int32_t kid) {
                            return tree.at(kid).kind != NodeKind::symbol;
                          });
    const bool is_event = what.kind == NodeKind::relation && what.is_bracketed;
    if (!is_group && !is_event) continue;
    Node& call = tree.at(side);
    call.kind = NodeKind::call;
    call.name = name.name;
    call.kids = is_group ? what.kids : std::vector<int32_t>{product.kids[1]};
  }
}

int32_t matrix_of_rows(Tree& tree, int32_t id) {
  const Node node = tree.at(id);
  const auto is_row = [&](int32_t kid) {
    const Node& row = tree.at(kid);
    return row.kind == NodeKind::group && (row.name == "[]" || row.name == "()");
  };
  if (node.kind != NodeKind::group || node.name != "[]") return -1;
  if (!std::all_of(node.kids.begin(), node.kids.end(), is_row)) return -1;
  const size_t num_columns = tree.at(node.kids[0]).kids.size();
  std::vector<int32_t> cells;
  for (const int32_t row : node.kids) {
    const std::vector<int32_t> kids = tree.at(row).kids;
    if (kids.size() != num_columns) return -1;
    cells.insert(cells.end(), kids.begin(), kids.end());
  }
  Node matrix;
  matrix.kind = NodeKind::matrix;
  matrix.value = Rational(static_cast<int64_t>(num_columns));
  matrix.kids = std::move(cells);
  return tree.add(std::move(matrix));
}

void match_products(Tree& tree, int32_t gold, int32_t answer) {
  const bool is_cross = has_call(tree, gold, "cross") || has_call(tree, answer, "cross");
  for (const int32_t root : {gold, answer}) {
    rename_calls(tree, root, "cross?", is_cross ? "cross" : "");
  }
  if (has_call(tree, gold, "product") == has_call(tree, answer, "product")) return;
  for (const int32_t root : {gold, answer}) rename_calls(tree, root, "product", "");
}

void count_ways(Tree& tree, int32_t id, int32_t other) {
  const NodeKind beside = tree.at(other).kind;
  const bool is_value = beside == NodeKind::number || beside == NodeKind::divide ||
                        beside == NodeKind::quantity || beside == NodeKind::percent;
  if (!is_value) return;
  const std::vector<int32_t> kids = tree.at(id).kids;
  for (const int32_t kid : kids) count_ways(tree, kid, other);
  const Node node = tree.at(id);
  if (node.kind != NodeKind::multiply || node.kids.size() != 2) return;
  const Node& name = tree.at(node.kids[0]);
  const Node pair = tree.at(node.kids[1]);
  if (name.kind != NodeKind::symbol || name.name != "C") return;
  const bool is_pair = pair.kind == NodeKind::group && pair.name == "()" && pair.kids.size() == 2;
  if (!is_pair || !integer_at(tree, pair.kids[0]) || !integer_at(tree, pair.kids[1])) return;
  Node& call = tree.at(id);
  call.kind = NodeKind::call;
  call.name = "binom";
  call.kids = pair.kids;
}

int32_t with_value(Tree& tree, int32_t id, const std::string& symbol, const Rational& value) {
  Node node = tree.at(id);
  if (node.kind == NodeKind::symbol && node.name == symbol) return number_of(tree, value);
  for (int32_t& kid : node.kids) kid = with_value(tree, kid, symbol, value);
  return tree.add(std::move(node));
}

}  // namespace gradus::rewards::math
