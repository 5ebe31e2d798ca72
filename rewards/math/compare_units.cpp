#include <algorithm>

#include "rewards/math/compare.h"
#include "rewards/math/prepare.h"
#include "rewards/math/units.h"

// Letters that are units where the other side knows no letters.

namespace gradus::rewards::math {
namespace {

/// "g K": units side by side.
bool are_units(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(' ', at), text.size());
    if (!is_measured(text.substr(at, end - at))) return false;
    at = end + 1;
  }
  return !text.empty();
}

}  // namespace

int32_t Comparison::quantity_of(int32_t value, const std::string& unit) {
  const int32_t quantity = make(NodeKind::quantity, {value});
  tree_.at(quantity).name = unit;
  return quantity;
}

/// m/s^2 and kg as an expression of symbols: its unit as text.
std::optional<std::string> Comparison::unit_expression(int32_t id) const {
  const Node& node = tree_.at(id);
  const auto joined = [&](const std::string& sign) -> std::optional<std::string> {
    std::string text;
    for (const int32_t kid : node.kids) {
      const auto part = unit_expression(kid);
      if (!part) return std::nullopt;
      text += (text.empty() ? "" : sign) + *part;
    }
    return text;
  };
  switch (node.kind) {
    case NodeKind::symbol:
    case NodeKind::text:
      return are_units(node.name) ? std::optional(node.name) : std::nullopt;
    case NodeKind::multiply:
      // kg is read as k g.
      if (!node.name.empty()) {
        return is_measured(node.name) ? std::optional(node.name) : std::nullopt;
      }
      return joined(" ");
    case NodeKind::divide:
      return joined(" / ");
    case NodeKind::power: {
      const auto base = unit_expression(node.kids[0]);
      const Node& exponent = tree_.at(node.kids[1]);
      const bool is_negative = exponent.kind == NodeKind::negate;
      const Node& size = is_negative ? tree_.at(exponent.kids[0]) : exponent;
      const auto power = size.kind == NodeKind::number ? size.value.small_integer() : std::nullopt;
      if (!base || !power || *power < 1 || *power > 9) return std::nullopt;
      return *base + "^" + (is_negative ? "-" : "") + std::to_string(*power);
    }
    default:
      return std::nullopt;
  }
}

/// 10m beside 10, and 9.8 m/s^2: letters that name a unit are one where the other side knows no
/// letters.
int32_t Comparison::with_unit(int32_t id, int32_t other) {
  const Node node = tree_.at(id);
  if (node.kind == NodeKind::negate) {
    const Node inside = tree_.at(with_unit(node.kids[0], other));
    if (inside.kind != NodeKind::quantity) return id;
    return quantity_of(make(NodeKind::negate, {inside.kids[0]}), inside.name);
  }
  if (node.kind != NodeKind::multiply || node.kids.size() < 2) return id;
  const Node& beside = tree_.at(other);
  const bool is_beside_ohms = beside.kind == NodeKind::multiply &&
                              tree_.at(beside.kids.back()).name == "Omega" &&
                              tree_.at(beside.kids[0]).kind == NodeKind::number;
  if (!symbols_in(tree_, other).empty() && !is_beside_ohms) return id;
  const Node& last = tree_.at(node.kids.back());
  const bool is_of_number = tree_.at(node.kids[0]).kind == NodeKind::number;
  std::vector<int32_t> value(node.kids.begin(), node.kids.end() - 1);
  if (last.kind == NodeKind::symbol) {
    const std::string unit(unit_of_letter(last.name));
    if (unit.empty() || !is_of_number) return id;
    if (value.size() == 1) return quantity_of(value[0], unit);
    const Node& prefix = tree_.at(value.back());  // 10 k \Omega
    const bool is_prefixed = value.size() == 2 && unit == "Omega" &&
                             prefix.kind == NodeKind::symbol && is_measured(prefix.name + unit);
    if (is_prefixed) return quantity_of(value[0], prefix.name + unit);
    for (const int32_t factor : value) {
      if (!symbols_in(tree_, factor).empty()) return id;
    }
    return quantity_of(make(NodeKind::multiply, value), unit);
  }
  const bool can_be =
      last.kind == NodeKind::divide || last.kind == NodeKind::power || last.kind == NodeKind::text;
  const auto unit = can_be ? unit_expression(node.kids.back()) : std::nullopt;
  if (!unit) return id;
  for (const int32_t factor : value) {
    if (!symbols_in(tree_, factor).empty()) return id;
  }
  return quantity_of(value.size() == 1 ? value[0] : make(NodeKind::multiply, value), *unit);
}

}  // namespace gradus::rewards::math
