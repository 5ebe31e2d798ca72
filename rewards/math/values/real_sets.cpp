#include "rewards/math/values/real_sets.h"

#include <set>
#include <string>
#include <utility>

#include "rewards/math/prepare.h"
#include "rewards/math/values/algebra.h"
#include "rewards/math/values/numeric.h"
#include "rewards/math/values/set_points.h"

namespace gradus::rewards::math {
namespace {

bool is_minus_infinite(const Tree& tree, int32_t id) {
  return tree.at(id).kind == NodeKind::negate && is_infinite(tree, id);
}

class SetQuestions {
 public:
  SetQuestions(Tree& tree, Work& work) : tree_(tree), work_(work) {}

  std::optional<bool> same(int32_t a, int32_t b) {
    SetPoints points(tree_, work_);
    points.collect(a);
    points.collect(b);
    if (points.are_too_many()) return std::nullopt;
    has_naturals_ = points.has_naturals();
    const std::vector<SetPoint> asked = points.asked();
    // A comma between inequalities may say "or" as well as "and".
    std::optional<bool> verdict;
    for (const bool a_is_and : readings(a)) {
      for (const bool b_is_and : readings(b)) {
        const auto next = same_at(asked, a, a_is_and, b, b_is_and);
        if (!next || *next) return next;
        verdict = next;
      }
    }
    return verdict;
  }

 private:
  std::vector<bool> readings(int32_t id) const {
    const Node& node = tree_.at(id);
    const bool is_open = node.kind == NodeKind::list && node.name != "and" && node.name != "or";
    return is_open ? std::vector{false, true} : std::vector{false};
  }

  /// Read with "and" a list must hold somewhere: x<1, x>3 is not the empty set.
  std::optional<bool> same_at(const std::vector<SetPoint>& asked, int32_t a, bool a_is_and,
                              int32_t b, bool b_is_and) {
    bool holds_anywhere = false;
    for (const SetPoint& point : asked) {
      if (has_naturals_ && point.value.is_zero()) continue;  // in N or not
      comma_is_and_ = a_is_and;
      const auto in_a = holds(a, point);
      comma_is_and_ = b_is_and;
      const auto in_b = in_a ? holds(b, point) : std::nullopt;
      if (!in_b) return std::nullopt;
      if (*in_a != *in_b) return false;
      holds_anywhere = holds_anywhere || *in_a;
    }
    return holds_anywhere || (!a_is_and && !b_is_and);
  }

  /// Nothing where it cannot be told.
  std::optional<bool> is_integer(const SetPoint& point) {
    if (point.id < 0) return point.value.is_integer();
    Algebra algebra(work_);
    const auto form = algebra.canonical(tree_, point.id);
    const auto value = form ? constant_of(*form) : std::nullopt;
    if (value) return value->is_integer();
    return form ? std::optional(false) : std::nullopt;
  }

  /// Sign of (point - expression).
  std::optional<int> order(const SetPoint& point, int32_t id) {
    if (is_infinite(tree_, id)) return is_minus_infinite(tree_, id) ? 1 : -1;
    return compare_order({tree_, node_of(point)}, {tree_, id}, work_);
  }

  int32_t node_of(const SetPoint& point) {
    return point.id >= 0 ? point.id : number_node(tree_, point.value);
  }

  std::optional<bool> holds(int32_t id, const SetPoint& point) {
    const Node node = tree_.at(id);
    switch (node.kind) {
      case NodeKind::group:
        return in_interval(node, point);
      case NodeKind::set:
        return in_finite(node, point);
      case NodeKind::constant:
        if (node.name == "{}") return false;
        if (node.name == "set R") return true;
        if (node.name == "set Z") return is_integer(point);
        if (node.name == "set N") return is_natural(point);
        if (node.name == "set R+" || node.name == "set R-") {
          const auto sign = order(point, number_node(tree_, Rational(0)));
          if (!sign) return std::nullopt;
          return node.name == "set R+" ? *sign > 0 : *sign < 0;
        }
        return std::nullopt;
      case NodeKind::set_union:
        return combined(node, point, [](bool a, bool b) { return a || b; });
      case NodeKind::set_intersection:
        return combined(node, point, [](bool a, bool b) { return a && b; });
      case NodeKind::set_minus:
        return combined(node, point, [](bool a, bool b) { return a && !b; });
      case NodeKind::element_of:
        return holds(node.kids[1], point);
      case NodeKind::set_builder:
        return in_builder(node, point);
      case NodeKind::list:
        return in_list(node, point);
      case NodeKind::relation:
        return is_true(node, point);
      default: {
        const auto sign = order(point, id);
        if (!sign) return std::nullopt;
        return *sign == 0;
      }
    }
  }

  template <class Combine>
  std::optional<bool> combined(const Node& node, const SetPoint& point, Combine combine) {
    const auto a = holds(node.kids[0], point);
    const auto b = a ? holds(node.kids[1], point) : std::nullopt;
    if (!b) return std::nullopt;
    return combine(*a, *b);
  }

  std::optional<bool> in_list(const Node& node, const SetPoint& point) {
    const bool is_and = node.name == "and" || (node.name != "or" && comma_is_and_);
    bool result = is_and;
    for (const int32_t kid : node.kids) {
      const auto in_kid = holds(kid, point);
      if (!in_kid) return std::nullopt;
      result = is_and ? result && *in_kid : result || *in_kid;
    }
    return result;
  }

  /// {x in Z | 0 < x, x < 4}: the domain and every condition.
  std::optional<bool> in_builder(const Node& node, const SetPoint& point) {
    const bool was_and = std::exchange(comma_is_and_, true);
    auto result = holds(node.kids[1], point);
    comma_is_and_ = was_and;
    const Node& what = tree_.at(node.kids[0]);
    if (!result || what.kind != NodeKind::element_of) return result;
    const auto in_domain = holds(what.kids[1], point);
    if (!in_domain) return std::nullopt;
    return *result && *in_domain;
  }

  std::optional<bool> is_natural(const SetPoint& point) {
    const auto sign = order(point, number_node(tree_, Rational(0)));
    const auto is_whole = sign ? is_integer(point) : std::nullopt;
    if (!is_whole) return std::nullopt;
    return *is_whole && *sign >= 0;
  }

  std::optional<bool> in_interval(const Node& node, const SetPoint& point) {
    if (node.kids.size() != 2) return std::nullopt;
    const auto low = order(point, node.kids[0]);
    const auto high = low ? order(point, node.kids[1]) : std::nullopt;
    if (!high) return std::nullopt;
    const bool above = *low > 0 || (*low == 0 && node.name[0] == '[');
    const bool below = *high < 0 || (*high == 0 && node.name[1] == ']');
    return above && below;
  }

  std::optional<bool> in_finite(const Node& node, const SetPoint& point) {
    for (const int32_t kid : node.kids) {
      const auto sign = order(point, kid);
      if (!sign) return std::nullopt;
      if (*sign == 0) return true;
    }
    return false;
  }

  static bool accepts(char relation, int sign) {
    switch (relation) {
      case '<':
        return sign < 0;
      case '>':
        return sign > 0;
      case 'l':
        return sign <= 0;
      case 'g':
        return sign >= 0;
      case 'n':
        return sign != 0;
      default:
        return sign == 0;
    }
  }

  /// A side as asked about: the unknown itself (also f(x)) is the point.
  std::optional<int> sign_between(int32_t left, int32_t right, const SetPoint& point) {
    const auto is_unknown = [&](int32_t id) {
      const NodeKind kind = tree_.at(id).kind;
      const bool is_call =
          kind == NodeKind::call && !symbols_in(tree_, id).empty() && tree_.at(id).name.size() <= 2;
      return kind == NodeKind::symbol || is_call;
    };
    const bool left_constant = symbols_in(tree_, left).empty();
    const bool right_constant = symbols_in(tree_, right).empty();
    if (is_unknown(left) && right_constant) return order(point, right);
    if (is_unknown(right) && left_constant) {
      const auto sign = order(point, left);
      return sign ? std::optional(-*sign) : std::nullopt;
    }
    std::set<std::string> symbols = symbols_in(tree_, left);
    symbols.merge(symbols_in(tree_, right));
    if (symbols.size() != 1) return std::nullopt;
    return order_at({tree_, left}, {tree_, right}, *symbols.begin(), Place{tree_, node_of(point)},
                    work_);
  }

  std::optional<bool> is_true(const Node& node, const SetPoint& point) {
    for (size_t i = 0; i + 1 < node.kids.size(); ++i) {
      const auto sign = sign_between(node.kids[i], node.kids[i + 1], point);
      if (!sign) return std::nullopt;
      if (!accepts(node.name[i], *sign)) return false;
    }
    return true;
  }

  Tree& tree_;
  Work& work_;
  bool has_naturals_ = false;
  bool comma_is_and_ = false;
};

}  // namespace

bool is_set_like(const Tree& tree, int32_t id) {
  const Node& node = tree.at(id);
  switch (node.kind) {
    case NodeKind::set:
    case NodeKind::set_builder:
    case NodeKind::set_union:
    case NodeKind::set_intersection:
    case NodeKind::set_minus:
    case NodeKind::element_of:
      return true;
    case NodeKind::group:
      return node.kids.size() == 2;
    case NodeKind::constant:
      return node.name == "{}" || node.name.starts_with("set ");
    case NodeKind::relation:
      return node.name.find_first_not_of("<>lgn") == std::string::npos;
    case NodeKind::list:
      for (const int32_t kid : node.kids) {
        const Node& item = tree.at(kid);
        const bool is_inequality = item.kind == NodeKind::relation && is_set_like(tree, kid);
        if (!is_inequality && item.kind != NodeKind::set_union) return false;
      }
      return true;
    default:
      return false;
  }
}

std::optional<bool> same_set(Tree& tree, int32_t a, int32_t b, Work& work) {
  return SetQuestions(tree, work).same(a, b);
}

}  // namespace gradus::rewards::math
