#include "rewards/math/compare.h"

#include <algorithm>
#include <map>

#include "rewards/math/names.h"
#include "rewards/math/numeric.h"
#include "rewards/math/prepare.h"
#include "rewards/math/real_sets.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kMaxMatched = 200;  // items of collections that are compared in any order

/// Pairs up the items of two collections so that each has one partner (augmenting paths).
bool can_match(const std::vector<std::vector<bool>>& fits) {
  const size_t n = fits.size();
  std::vector<int> partner(n, -1);
  for (size_t start = 0; start < n; ++start) {
    std::vector<bool> seen(n, false);
    const auto place = [&](auto&& self, size_t i) -> bool {
      for (size_t j = 0; j < n; ++j) {
        if (!fits[i][j] || seen[j]) continue;
        seen[j] = true;
        if (partner[j] < 0 || self(self, static_cast<size_t>(partner[j]))) {
          partner[j] = static_cast<int>(i);
          return true;
        }
      }
      return false;
    };
    if (!place(place, start)) return false;
  }
  return true;
}

bool is_bracket_pair(const Node& node) {
  return node.kind == NodeKind::group;
}

bool is_listing(const Node& node) {
  return node.kind == NodeKind::list || node.kind == NodeKind::set;
}

bool is_set_operation(const Node& node) {
  switch (node.kind) {
    case NodeKind::set_union:
    case NodeKind::set_intersection:
    case NodeKind::set_minus:
    case NodeKind::set_builder:
      return true;
    default:
      return node.kind == NodeKind::constant &&
             (node.name == "{}" || node.name.starts_with("set "));
  }
}

}  // namespace

Comparison::Comparison(const Tree& gold, const Tree& answer, const CompareOptions& options)
    : options_(options) {
  gold_ = copied(gold, gold.root, tree_);
  answer_ = copied(answer, answer.root, tree_);
  if (!options_.strict) match_symbols();
  gold_ = prepared(tree_, gold_);
  answer_ = prepared(tree_, answer_);
}

int32_t Comparison::make(NodeKind kind, std::vector<int32_t> kids) {
  Node node;
  node.kind = kind;
  node.kids = std::move(kids);
  return tree_.add(std::move(node));
}

bool Comparison::decide(bool verdict, const char* how) {
  path_ = how;
  return verdict;
}

/// Renames both sides' symbols by their order of appearance.
void Comparison::match_symbols() {
  for (const int32_t root : {gold_, answer_}) {
    std::map<std::string, std::string> names;
    const auto visit = [&](auto&& self, int32_t id) -> void {
      Node& node = tree_.at(id);
      if (node.kind == NodeKind::symbol) {
        const auto found = names.try_emplace(node.name, "v" + std::to_string(names.size()));
        node.name = found.first->second;
      }
      for (const int32_t kid : std::vector<int32_t>(node.kids)) self(self, kid);
    };
    visit(visit, root);
  }
}

bool Comparison::equal() {
  return same(gold_, answer_);
}

std::string Comparison::text(int32_t id) {
  const Node& node = tree_.at(id);
  const auto joined = [&](const std::string& open, const std::string& separator,
                          const std::string& close) {
    std::string result = open;
    const std::vector<int32_t> kids = tree_.at(id).kids;
    for (size_t i = 0; i < kids.size(); ++i) result += (i ? separator : "") + text(kids[i]);
    return result + close;
  };
  switch (node.kind) {
    case NodeKind::list:
      return joined("", ", ", "");
    case NodeKind::set:
      return joined("{", ", ", "}");
    case NodeKind::group:
      return joined(node.name.substr(0, 1), ", ", node.name.substr(1));
    case NodeKind::relation:
      return joined("", " " + node.name.substr(0, 1) + " ", "");
    case NodeKind::element_of:
      return joined("", " in ", "");
    case NodeKind::set_union:
      return joined("", " union ", "");
    case NodeKind::matrix:
      return joined("matrix(", ", ", ")");
    case NodeKind::text:
      return "\"" + node.name + "\"";
    case NodeKind::based:
      return node.name + " in base " + node.value.str();
    case NodeKind::quantity:
      return text(node.kids[0]) + " [" + node.name + "]";
    default:
      break;
  }
  const auto form = algebra_.canonical(tree_, id);
  if (form) return algebra_.text(*form);
  if (!node.name.empty() && node.kids.empty()) return node.name;
  return joined("?(", ", ", ")");
}

std::vector<int32_t> Comparison::items_of(int32_t id) {
  const Node& node = tree_.at(id);
  if (!is_listing(node)) return {id};
  std::vector<int32_t> distinct;
  for (const int32_t kid : std::vector<int32_t>(node.kids)) {
    const bool is_simple = tree_.at(kid).kind == NodeKind::number;
    bool is_new = true;
    for (const int32_t other : distinct) {
      if (!is_new || !is_simple || tree_.at(other).kind != NodeKind::number) continue;
      is_new = !(tree_.at(other).value == tree_.at(kid).value);
    }
    if (is_new) distinct.push_back(kid);
  }
  return distinct;
}

/// Items without those that equal an earlier one; as they are where there are many.
std::vector<int32_t> Comparison::distinct(const std::vector<int32_t>& items) {
  if (items.size() > 24) return items;
  std::vector<int32_t> result;
  for (const int32_t item : items) {
    bool is_new = true;
    for (const int32_t other : result) is_new = is_new && !same(other, item);
    if (is_new) result.push_back(item);
  }
  return result;
}

bool Comparison::same_in_order(const std::vector<int32_t>& g, const std::vector<int32_t>& a) {
  if (g.size() != a.size()) return false;
  for (size_t i = 0; i < g.size(); ++i) {
    if (!same(g[i], a[i])) return false;
  }
  return true;
}

bool Comparison::same_items(const std::vector<int32_t>& g, const std::vector<int32_t>& a) {
  if (g.size() > kMaxMatched || a.size() > kMaxMatched) return false;
  if (g.size() != a.size()) {
    const std::vector<int32_t> gold = distinct(g);
    const std::vector<int32_t> answer = distinct(a);
    return gold.size() == answer.size() && gold.size() + answer.size() < g.size() + a.size() &&
           same_items(gold, answer);
  }
  if (same_in_order(g, a)) return true;
  std::vector<std::vector<bool>> fits(g.size(), std::vector<bool>(a.size()));
  for (size_t i = 0; i < g.size(); ++i) {
    bool fits_any = false;
    for (size_t j = 0; j < a.size(); ++j) {
      fits[i][j] = same(g[i], a[j]);
      fits_any = fits_any || fits[i][j];
    }
    if (!fits_any) return false;
  }
  return can_match(fits);
}

/// The equations of a list of nothing else ("x=1, y=2").
std::optional<std::vector<int32_t>> Comparison::assignments_of(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind == NodeKind::list) {
    for (const int32_t kid : node.kids) {
      if (tree_.at(kid).kind != NodeKind::relation || tree_.at(kid).name != "=") {
        return std::nullopt;
      }
    }
    return node.kids;
  }
  return std::nullopt;
}

std::optional<bool> Comparison::same_collection(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  // (x,y)=(1,2) beside x=1, y=2: both become equations.
  const auto split = [&](const Node& node) -> std::optional<std::vector<int32_t>> {
    if (node.kind != NodeKind::relation || node.name != "=") return std::nullopt;
    const Node left = tree_.at(node.kids[0]);
    const Node right = tree_.at(node.kids[1]);
    if (!is_bracket_pair(left) || !is_bracket_pair(right)) return std::nullopt;
    if (left.kids.size() != right.kids.size()) return std::nullopt;
    std::vector<int32_t> equations;
    for (size_t i = 0; i < left.kids.size(); ++i) {
      const int32_t id = make(NodeKind::relation, {left.kids[i], right.kids[i]});
      tree_.at(id).name = "=";
      equations.push_back(id);
    }
    return equations;
  };
  if (const auto equations = assignments_of(a); equations && !is_listing(gold)) {
    if (const auto own = split(gold)) return same_items(*own, *equations);
    // Gold (5, 2): the answers p=5, q=2 in this order.
    if (is_bracket_pair(gold)) return same_in_order(gold.kids, *equations);
  }
  if (const auto equations = assignments_of(g); equations && !is_listing(answer)) {
    if (const auto other = split(answer)) return same_items(*equations, *other);
    if (is_bracket_pair(answer)) return same_in_order(*equations, answer.kids);
  }
  if (is_listing(gold) && is_listing(answer)) {
    return decide(same_items(items_of(g), items_of(a)), "items of a set, in any order");
  }
  // "1, 2" beside (1, 2): a pair whose brackets were left out, in order.
  if (gold.kind == NodeKind::list && is_bracket_pair(answer) && answer.name == "()") {
    return decide(same_in_order(gold.kids, answer.kids), "items of a tuple, in order");
  }
  if (answer.kind == NodeKind::list && is_bracket_pair(gold) && gold.name == "()") {
    return decide(same_in_order(gold.kids, answer.kids), "items of a tuple, in order");
  }
  if (is_bracket_pair(gold) && is_bracket_pair(answer)) {
    if (gold.name != answer.name) return decide(false, "brackets differ");
    return decide(same_in_order(gold.kids, answer.kids), "items of a tuple, in order");
  }
  if (is_listing(gold) != is_listing(answer)) {
    const std::vector<int32_t> items = distinct(items_of(is_listing(gold) ? g : a));
    if (items.size() == 1) return is_listing(gold) ? same(items[0], a) : same(g, items[0]);
  }
  return std::nullopt;
}

/// x=..., f(x)=..., AB=..., S:T=...: the left side names what the right side is.
bool Comparison::is_assignment(const Node& relation) const {
  if (relation.kind != NodeKind::relation || relation.name != "=") return false;
  const auto is_name = [&](auto&& self, int32_t id) -> bool {
    const Node& node = tree_.at(id);
    switch (node.kind) {
      case NodeKind::symbol:
        return true;
      case NodeKind::constant:
        return node.name == "i" || node.name == "e";
      case NodeKind::text:
        return true;
      case NodeKind::call: {
        if (function_name(node.name)) return false;
        return true;
      }
      case NodeKind::divide:
      case NodeKind::ratio:
        return self(self, node.kids[0]) && self(self, node.kids[1]);
      case NodeKind::group:
        return std::all_of(node.kids.begin(), node.kids.end(),
                           [&](int32_t kid) { return tree_.at(kid).kind == NodeKind::symbol; });
      case NodeKind::multiply:
        // AB, P(A): capital letters; xy = 1 is an equation.
        return std::all_of(node.kids.begin(), node.kids.end(), [&](int32_t kid) {
          const Node& letter = tree_.at(kid);
          return letter.kind == NodeKind::symbol && !letter.name.empty() && letter.name[0] >= 'A' &&
                 letter.name[0] <= 'Z';
        });
      default:
        return false;
    }
  };
  return is_name(is_name, relation.kids[0]);
}

/// Whether an answer's equation may stand for its right side.
bool Comparison::is_value_of(const Node& relation) {
  if (relation.kind != NodeKind::relation || relation.name != "=") return false;
  if (is_assignment(relation)) return true;
  if (symbols_in(tree_, relation.kids[0]).empty()) return true;  // 2+3 = 5
  return same_expression(relation.kids[0], relation.kids[1]);
}

std::optional<bool> Comparison::same_relation(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  const bool gold_is = gold.kind == NodeKind::relation;
  const bool answer_is = answer.kind == NodeKind::relation;
  if (gold_is && answer_is) {
    if (is_set_like(tree_, g) && is_set_like(tree_, a) &&
        symbols_in(tree_, g) == symbols_in(tree_, a) && symbols_in(tree_, g).size() == 1) {
      const auto verdict = same_set(tree_, g, a, work_);
      if (verdict) return decide(*verdict, "inequalities hold for the same numbers");
    }
    return same_relations(gold, answer);
  }
  if (gold_is && is_assignment(gold) && answer.kind != NodeKind::element_of) {
    return same(gold.kids[1], a);
  }
  if (answer_is && answer.name == "=" && !gold_is && gold.kind != NodeKind::element_of) {
    if (is_value_of(answer)) return same(g, answer.kids[1]);
    return decide(false, "an equation is not an expression");
  }
  return std::nullopt;
}

bool Comparison::same_relations(const Node& g, const Node& a) {
  if (g.kids.size() != a.kids.size()) return decide(false, "chains of different length");
  // Every neighbouring pair of one chain has its equal in the other.
  std::vector<std::vector<bool>> fits;
  for (size_t i = 0; i + 1 < g.kids.size(); ++i) {
    std::vector<bool> row;
    for (size_t j = 0; j + 1 < a.kids.size(); ++j) {
      row.push_back(same_relation_pair(g.kids[i], g.kids[i + 1], g.name[i], a.kids[j],
                                       a.kids[j + 1], a.name[j]));
    }
    fits.push_back(std::move(row));
  }
  return decide(can_match(fits), "relations up to a factor");
}

bool Comparison::same_relation_pair(int32_t g_left, int32_t g_right, char g_op, int32_t a_left,
                                    int32_t a_right, char a_op) {
  const auto turn = [](int32_t& left, int32_t& right, char& op) {
    if (op != '>' && op != 'g') return;
    std::swap(left, right);
    op = op == '>' ? '<' : 'l';
  };
  turn(g_left, g_right, g_op);
  turn(a_left, a_right, a_op);
  if (g_op != a_op) return false;
  const bool is_directed = g_op == '<' || g_op == 'l';
  const bool sides_are_sets = is_listing(tree_.at(g_right)) || is_bracket_pair(tree_.at(g_right)) ||
                              tree_.at(g_right).kind == NodeKind::matrix ||
                              tree_.at(g_right).kind == NodeKind::text;
  if (same(g_left, a_left) && same(g_right, a_right)) return true;
  if (!is_directed && same(g_left, a_right) && same(g_right, a_left)) return true;
  if (sides_are_sets) return false;
  const auto gl = algebra_.canonical(tree_, g_left);
  const auto gr = gl ? algebra_.canonical(tree_, g_right) : std::nullopt;
  const auto al = gr ? algebra_.canonical(tree_, a_left) : std::nullopt;
  const auto ar = al ? algebra_.canonical(tree_, a_right) : std::nullopt;
  if (!ar) return false;
  const auto gd = algebra_.difference(*gl, *gr);
  const auto ad = gd ? algebra_.difference(*al, *ar) : std::nullopt;
  if (!ad) return false;
  if (!is_directed || gd->bottom.constant()) {
    const auto factor = algebra_.factor_between(*gd, *ad, is_directed);
    if (factor) return !is_directed || factor->sign() > 0;
  }
  if (gd->top.is_zero() || ad->top.is_zero()) return false;
  const int32_t g_difference = make(NodeKind::add, {g_left, make(NodeKind::negate, {g_right})});
  const int32_t a_difference = make(NodeKind::add, {a_left, make(NodeKind::negate, {a_right})});
  const int sign = proportional({tree_, g_difference}, {tree_, a_difference}, work_);
  return is_directed ? sign > 0 : sign != 0;
}

bool Comparison::same(int32_t g, int32_t a) {
  if (!work_.spend(10)) return false;
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  if (const auto verdict = same_relation(g, a)) return *verdict;
  // x in S stands for S.
  if (gold.kind == NodeKind::element_of && answer.kind == NodeKind::element_of) {
    return same(gold.kids[0], answer.kids[0]) && same(gold.kids[1], answer.kids[1]);
  }
  if (answer.kind == NodeKind::element_of && gold.kind != NodeKind::relation) {
    return same(g, answer.kids[1]);
  }
  if (gold.kind == NodeKind::element_of && answer.kind != NodeKind::relation) {
    return same(gold.kids[1], a);
  }
  const auto inequality = [&](int32_t id) {
    const Node& node = tree_.at(id);
    return (node.kind == NodeKind::relation || node.kind == NodeKind::list) &&
           is_set_like(tree_, id);
  };
  const bool gold_is_set = is_set_like(tree_, g);
  const bool answer_is_set = is_set_like(tree_, a);
  const bool needs_sets =
      is_set_operation(gold) || is_set_operation(answer) || inequality(g) || inequality(a);
  if (gold_is_set && answer_is_set && needs_sets) {
    if (inequality(a) && !inequality(g) && !options_.allow_set_relation_comp) {
      return decide(false, "an inequality does not answer a set");
    }
    if (gold.kind == NodeKind::constant && answer.kind == NodeKind::constant) {
      return decide(gold.name == answer.name, "names of sets");
    }
    const auto verdict = same_set(tree_, g, a, work_);
    if (verdict) return decide(*verdict, "sets of reals hold the same numbers");
  }
  if (const auto verdict = same_collection(g, a)) return *verdict;
  if (is_set_operation(gold) && is_set_operation(answer) && gold.kind == answer.kind) {
    return !gold.kids.empty() && same_items(gold.kids, answer.kids);
  }
  return same_values(g, a);
}

}  // namespace gradus::rewards::math
