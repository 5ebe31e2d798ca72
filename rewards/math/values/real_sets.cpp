#include "rewards/math/values/real_sets.h"

#include <algorithm>
#include <utility>

#include "rewards/math/prepare.h"
#include "rewards/math/values/algebra.h"
#include "rewards/math/values/numeric.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kMaxPoints = 64;

/// A number to ask about: a constant expression of the tree, or a rational between two of those.
struct Point {
  int32_t id = -1;  // -1: value alone
  Rational value;   // exact without id, else close to the expression
};

bool is_infinite(const Tree& tree, int32_t id) {
  const Node& node = tree.at(id);
  if (node.kind == NodeKind::negate) return is_infinite(tree, node.kids[0]);
  return node.kind == NodeKind::constant && node.name == "oo";
}

bool is_minus_infinite(const Tree& tree, int32_t id) {
  return tree.at(id).kind == NodeKind::negate && is_infinite(tree, id);
}

class SetQuestions {
 public:
  SetQuestions(Tree& tree, Work& work) : tree_(tree), work_(work) {}

  std::optional<bool> same(int32_t a, int32_t b) {
    collect(a);
    collect(b);
    if (points_.size() > kMaxPoints) return std::nullopt;
    std::sort(points_.begin(), points_.end(),
              [](const Point& x, const Point& y) { return x.value < y.value; });
    const std::vector<Point> asked = asked_points();
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
  std::optional<bool> same_at(const std::vector<Point>& asked, int32_t a, bool a_is_and, int32_t b,
                              bool b_is_and) {
    bool holds_anywhere = false;
    for (const Point& point : asked) {
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

  void add(int32_t id) {
    if (is_infinite(tree_, id) || !symbols_in(tree_, id).empty()) return;
    const auto value = decimal_value({tree_, id}, 6, work_);
    if (value) points_.push_back({id, value->value});
  }

  /// A constant part of an inequality may be an end with either sign.
  void add_both_signs(int32_t id) {
    add(id);
    Node minus;
    minus.kind = NodeKind::negate;
    minus.kids = {id};
    add(tree_.add(std::move(minus)));
  }

  void collect(int32_t id) {
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
          add(number(Rational(0)));
        } else if (node.kids.empty()) {
          add(id);
        }
        break;
    }
  }

  void collect_constants(int32_t id) {
    if (points_.size() > kMaxPoints) return;
    if (symbols_in(tree_, id).empty()) return add_both_signs(id);
    const std::vector<int32_t> kids = tree_.at(id).kids;
    for (const int32_t kid : kids) collect_constants(kid);
  }

  int32_t number(const Rational& value) {
    Node node;
    node.value = value;
    return tree_.add(std::move(node));
  }

  int32_t make(NodeKind kind, std::vector<int32_t> kids) {
    Node node;
    node.kind = kind;
    node.kids = std::move(kids);
    return tree_.add(std::move(node));
  }

  /// Roots of left = right where that is a polynomial of degree one or two in one symbol.
  void collect_roots(int32_t left, int32_t right) {
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
      if (!b1.is_zero()) add(number(-c / b1));
      return;
    }
    const Rational discriminant = b1 * b1 - Rational(4) * a2 * c;
    if (discriminant.sign() < 0) return;
    const int32_t root = make(NodeKind::root, {number(discriminant), number(Rational(2))});
    for (const int sign : {1, -1}) {
      const int32_t signed_root = sign > 0 ? root : make(NodeKind::negate, {root});
      const int32_t top = make(NodeKind::add, {number(-b1), signed_root});
      add(make(NodeKind::divide, {top, number(Rational(2) * a2)}));
    }
  }

  std::vector<Point> asked_points() const {
    std::vector<Point> asked = points_;
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

  /// Between two numbers: the integers next to them, those in the middle, and a fraction.
  static void ask_integers(const Rational& low, const Rational& high, std::vector<Point>& asked) {
    if (!(low < high)) return;
    const Rational middle = (low + high) / Rational(2);
    for (const Rational& value :
         {low.floor() + Rational(1), middle.floor(), -(-high).floor() - Rational(1),
          low + (high - low) / Rational(3), low + (high - low) / Rational(7)}) {
      if (low < value && value < high) asked.push_back({-1, value});
    }
  }

  /// Nothing where it cannot be told.
  std::optional<bool> is_integer(const Point& point) {
    if (point.id < 0) return point.value.is_integer();
    Algebra algebra(work_);
    const auto form = algebra.canonical(tree_, point.id);
    const auto value = form ? constant_of(*form) : std::nullopt;
    if (value) return value->is_integer();
    return form ? std::optional(false) : std::nullopt;
  }

  /// Sign of (point - expression).
  std::optional<int> order(const Point& point, int32_t id) {
    if (is_infinite(tree_, id)) return is_minus_infinite(tree_, id) ? 1 : -1;
    return compare_order({tree_, node_of(point)}, {tree_, id}, work_);
  }

  int32_t node_of(const Point& point) { return point.id >= 0 ? point.id : number(point.value); }

  std::optional<bool> holds(int32_t id, const Point& point) {
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
          const auto sign = order(point, number(Rational(0)));
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
  std::optional<bool> combined(const Node& node, const Point& point, Combine combine) {
    const auto a = holds(node.kids[0], point);
    const auto b = a ? holds(node.kids[1], point) : std::nullopt;
    if (!b) return std::nullopt;
    return combine(*a, *b);
  }

  std::optional<bool> in_list(const Node& node, const Point& point) {
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
  std::optional<bool> in_builder(const Node& node, const Point& point) {
    const bool was_and = std::exchange(comma_is_and_, true);
    auto result = holds(node.kids[1], point);
    comma_is_and_ = was_and;
    const Node& what = tree_.at(node.kids[0]);
    if (!result || what.kind != NodeKind::element_of) return result;
    const auto in_domain = holds(what.kids[1], point);
    if (!in_domain) return std::nullopt;
    return *result && *in_domain;
  }

  std::optional<bool> is_natural(const Point& point) {
    const auto sign = order(point, number(Rational(0)));
    const auto is_whole = sign ? is_integer(point) : std::nullopt;
    if (!is_whole) return std::nullopt;
    return *is_whole && *sign >= 0;
  }

  std::optional<bool> in_interval(const Node& node, const Point& point) {
    if (node.kids.size() != 2) return std::nullopt;
    const auto low = order(point, node.kids[0]);
    const auto high = low ? order(point, node.kids[1]) : std::nullopt;
    if (!high) return std::nullopt;
    const bool above = *low > 0 || (*low == 0 && node.name[0] == '[');
    const bool below = *high < 0 || (*high == 0 && node.name[1] == ']');
    return above && below;
  }

  std::optional<bool> in_finite(const Node& node, const Point& point) {
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
  std::optional<int> sign_between(int32_t left, int32_t right, const Point& point) {
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

  std::optional<bool> is_true(const Node& node, const Point& point) {
    for (size_t i = 0; i + 1 < node.kids.size(); ++i) {
      const auto sign = sign_between(node.kids[i], node.kids[i + 1], point);
      if (!sign) return std::nullopt;
      if (!accepts(node.name[i], *sign)) return false;
    }
    return true;
  }

  Tree& tree_;
  Work& work_;
  std::vector<Point> points_;
  bool has_integers_ = false;
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
