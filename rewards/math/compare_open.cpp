#include "rewards/math/compare.h"
#include "rewards/math/prepare.h"

// Whether an answer was worked out, for those who ask for a value: 2 + 3 is not 5.

namespace gradus::rewards::math {
namespace {

bool is_plain_integer(const Tree& tree, int32_t id) {
  const Node& node = tree.at(id);
  if (node.kind == NodeKind::negate) return is_plain_integer(tree, node.kids[0]);
  return node.kind == NodeKind::number && node.value.is_integer();
}

/// 5, -5, 2.5, 3/4, 25%, 1.6 * 10^{-19}: values as they are written down.
bool is_written_value(const Tree& tree, int32_t id) {
  const Node& node = tree.at(id);
  switch (node.kind) {
    case NodeKind::number:
      return true;
    case NodeKind::negate:
    case NodeKind::percent:
      return is_written_value(tree, node.kids[0]);
    case NodeKind::divide: {
      if (node.kids.size() != 2) return false;
      if (!is_plain_integer(tree, node.kids[0]) || !is_plain_integer(tree, node.kids[1])) {
        return false;
      }
      const Node& top = tree.at(node.kids[0]);
      const Node& bottom = tree.at(node.kids[1]);
      const bool are_numbers = top.kind == NodeKind::number && bottom.kind == NodeKind::number;
      return !are_numbers || bottom.value.is_zero() || !(top.value / bottom.value).is_integer();
    }
    case NodeKind::multiply: {
      if (node.kids.size() != 2 || tree.at(node.kids[0]).kind != NodeKind::number) return false;
      const Node& power = tree.at(node.kids[1]);
      if (power.kind != NodeKind::power) return false;
      const Node& base = tree.at(power.kids[0]);
      return base.kind == NodeKind::number && base.value == Rational(10) &&
             is_plain_integer(tree, power.kids[1]);
    }
    default:
      return false;
  }
}

bool can_be_worked_out(NodeKind kind) {
  switch (kind) {
    case NodeKind::add:
    case NodeKind::multiply:
    case NodeKind::divide:
    case NodeKind::power:
    case NodeKind::root:
    case NodeKind::factorial:
    case NodeKind::call:
    case NodeKind::sum:
    case NodeKind::integral:
    case NodeKind::modulo:
      return true;
    default:
      return false;
  }
}

}  // namespace

/// Whether a part has a rational value that was not worked out, or adds or multiplies two numbers.
bool Comparison::is_open(int32_t id) {
  if (!work_.spend(2)) return false;
  if (is_written_value(tree_, id)) return false;
  const Node node = tree_.at(id);
  if (node.kind == NodeKind::relation) return is_open(node.kids.back());  // 2 + 3 = 5
  if (node.kind == NodeKind::add || node.kind == NodeKind::multiply) {
    int num_values = 0;
    for (const int32_t kid : node.kids) num_values += is_written_value(tree_, kid) ? 1 : 0;
    if (num_values > 1) return true;
  }
  if (can_be_worked_out(node.kind) && symbols_in(tree_, id).empty()) {
    const auto form = algebra_.canonical(tree_, id);
    if (form && constant_of(*form)) return true;
  }
  for (const int32_t kid : node.kids) {
    if (is_open(kid)) return true;
  }
  return false;
}

bool Comparison::is_left_open() {
  return is_open(answer_) && !is_open(gold_);
}

}  // namespace gradus::rewards::math
