#include "rewards/math/values/set_points.h"

#include <algorithm>
#include <utility>

#include "rewards/math/prepare.h"
#include "rewards/math/values/algebra.h"
#include "rewards/math/values/numeric.h"

namespace gradus::rewards::math {
namespace {

int32_t make_node(Tree& tree, NodeKind kind, std::vector<int32_t> kids) {
  Node node;
  node.kind = kind;
  node.kids = std::move(kids);
  return tree.add(std::move(node));
}

/// Between two numbers: the integers next to them, those in the middle, and a fraction.
void ask_integers(const Rational& low, const Rational& high, std::vector<SetPoint>& asked) {
  if (!(low < high)) return;
  const Rational middle = (low + high) / Rational(2);
  for (const Rational& value :
       {low.floor() + Rational(1), middle.floor(), -(-high).floor() - Rational(1),
        low + (high - low) / Rational(3), low + (high - low) / Rational(7)}) {
    if (low < value && value < high) asked.push_back({-1, value});
  }
}

}  // namespace

bool is_infinite(const Tree& tree, int32_t id) {
  const Node& node = tree.at(id);
  if (node.kind == NodeKind::negate) return is_infinite(tree, node.kids[0]);
  return node.kind == NodeKind::constant && node.name == "oo";
}

int32_t number_node(Tree& tree, const Rational& value) {
  Node node;
  node.value = value;
  return tree.add(std::move(node));
}

void SetPoints::add(int32_t id) {
  if (is_infinite(tree_, id) || !symbols_in(tree_, id).empty()) return;
  const auto value = decimal_value({tree_, id}, 6, work_);
  if (value) points_.push_back({id, value->value});
}

/// A constant part of an inequality may be an end with either sign.
void SetPoints::add_both_signs(int32_t id) {
  add(id);
  add(make_node(tree_, NodeKind::negate, {id}));
}

void SetPoints::collect(int32_t id) {
  const Node node = tree_.at(id);
  switch (node.kind) {
    case NodeKind::relation:
      for (const int32_t side : node.kids) collect_constants(side);
      for (size_t i = 0; i + 1 < node.kids.size(); ++i) {
        collect_roots(node.kids[i], node.kids[i + 1]);
      }
      break;
    case NodeKind::group:
    case NodeKind::set:
      for (const int32_t kid : node.kids) add(kid);
      break;
    default:
      for (const int32_t kid : node.kids) collect(kid);
      if (node.kind == NodeKind::constant && node.name.starts_with("set ")) {
        has_integers_ = has_integers_ || node.name == "set Z" || node.name == "set N";
        has_naturals_ = has_naturals_ || node.name == "set N";
        add(number_node(tree_, Rational(0)));
      } else if (node.kids.empty()) {
        add(id);
      }
      break;
  }
}

void SetPoints::collect_constants(int32_t id) {
  if (points_.size() > kMaxPoints) return;
  if (symbols_in(tree_, id).empty()) return add_both_signs(id);
  const std::vector<int32_t> kids = tree_.at(id).kids;
  for (const int32_t kid : kids) collect_constants(kid);
}

/// Roots of left = right where that is a polynomial of degree one or two in one symbol.
void SetPoints::collect_roots(int32_t left, int32_t right) {
  Algebra algebra(work_);
  const auto a = algebra.canonical(tree_, left);
  const auto b = a ? algebra.canonical(tree_, right) : std::nullopt;
  const auto difference = b ? algebra.difference(*a, *b) : std::nullopt;
  if (!difference) return;
  Rational coefficients[3];
  for (const Term& term : difference->top.terms) {
    if (term.monomial.empty()) {
      coefficients[0] = term.coefficient;
      continue;
    }
    const auto power = term.monomial[0].exponent.small_integer();
    if (term.monomial.size() > 1 || !power || *power < 1 || *power > 2) return;
    coefficients[*power] = term.coefficient;
  }
  const auto& [c, b1, a2] = coefficients;
  if (a2.is_zero()) {
    if (!b1.is_zero()) add(number_node(tree_, -c / b1));
    return;
  }
  const Rational discriminant = b1 * b1 - Rational(4) * a2 * c;
  if (discriminant.sign() < 0) return;
  const int32_t root = make_node(
      tree_, NodeKind::root, {number_node(tree_, discriminant), number_node(tree_, Rational(2))});
  for (const int sign : {1, -1}) {
    const int32_t signed_root = sign > 0 ? root : make_node(tree_, NodeKind::negate, {root});
    const int32_t top = make_node(tree_, NodeKind::add, {number_node(tree_, -b1), signed_root});
    add(make_node(tree_, NodeKind::divide, {top, number_node(tree_, Rational(2) * a2)}));
  }
}

std::vector<SetPoint> SetPoints::asked() {
  std::sort(points_.begin(), points_.end(),
            [](const SetPoint& x, const SetPoint& y) { return x.value < y.value; });
  std::vector<SetPoint> asked = points_;
  if (points_.empty()) return {{-1, Rational(0)}, {-1, Rational(7, 3)}, {-1, Rational(-7, 3)}};
  for (size_t i = 0; i + 1 < points_.size(); ++i) {
    const Rational middle = (points_[i].value + points_[i + 1].value) / Rational(2);
    if (points_[i].value < middle) asked.push_back({-1, middle});
    if (has_integers_) ask_integers(points_[i].value, points_[i + 1].value, asked);
  }
  const Rational first = points_.front().value;
  const Rational last = points_.back().value;
  for (const int64_t far : {1, 1000}) {
    asked.push_back({-1, first - Rational(far)});
    asked.push_back({-1, last + Rational(far)});
    if (!has_integers_) continue;
    ask_integers(first - Rational(far), first - Rational(far - 1), asked);
    ask_integers(last + Rational(far - 1), last + Rational(far), asked);
  }
  return asked;
}

}  // namespace gradus::rewards::math
