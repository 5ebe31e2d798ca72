#include "rewards/math/compare.h"

#include <algorithm>
#include <map>
#include <set>

#include "rewards/math/matching.h"
#include "rewards/math/prepare.h"
#include "rewards/math/rewriting.h"
#include "rewards/math/values/numeric.h"
#include "rewards/math/values/real_sets.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kMaxMatched = 200;  // items of collections that are compared in any order

bool is_bracket_pair(const Node& node) {
  return node.kind == NodeKind::group;
}

bool is_listing(const Node& node) {
  return node.kind == NodeKind::list || node.kind == NodeKind::set;
}

/// Items of which each is an equation for another name: their order is that of the names.
bool name_different_things(const Tree& tree, const std::vector<int32_t>& equations) {
  std::set<std::string> names;
  for (const int32_t id : equations) {
    const Node& left = tree.at(tree.at(id).kids[0]);
    if (left.name.empty() || !names.insert(left.name).second) return false;
  }
  return true;
}

/// x > 0 or y > 0.
bool is_disjunction(const Node& node) {
  return node.kind == NodeKind::list && node.name == "or";
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
  match_products(tree_, gold_, answer_);
  count_ways(tree_, answer_, gold_);
  if (!options_.strict) match_symbols();
  gold_ = prepared(tree_, gold_);
  answer_ = prepared(tree_, answer_);
  match_parameters();
  match_arguments();
  match_imaginary(gold_, answer_);
  match_imaginary(answer_, gold_);
}

/// SymPy writes 1 + 2I: beside a number with an i that is the imaginary unit.
void Comparison::match_imaginary(int32_t with_i, int32_t with_capital) {
  const bool has_capital = std::any_of(
      tree_.nodes.begin(), tree_.nodes.end(),
      [](const Node& node) { return node.kind == NodeKind::symbol && node.name == "I"; });
  if (!has_capital || tree_.at(with_capital).kind == NodeKind::symbol) return;
  if (symbols_in(tree_, with_capital) != std::set<std::string>{"I"}) return;
  const auto has_unit = [&](auto&& self, int32_t id) -> bool {
    const Node& node = tree_.at(id);
    if (node.kind == NodeKind::constant && node.name == "i") return true;
    return std::any_of(node.kids.begin(), node.kids.end(),
                       [&](int32_t kid) { return self(self, kid); });
  };
  if (!has_unit(has_unit, with_i) || has_unit(has_unit, with_capital)) return;
  const auto replace = [&](auto&& self, int32_t id) -> void {
    Node& node = tree_.at(id);
    if (node.kind == NodeKind::symbol && node.name == "I") {
      node.kind = NodeKind::constant;
      node.name = "i";
    }
    for (const int32_t kid : node.kids) self(self, kid);
  };
  replace(replace, with_capital);
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

void Comparison::rename(int32_t id, const std::string& from, const std::string& to) {
  if (tree_.at(id).kind == NodeKind::symbol && tree_.at(id).name == from) tree_.at(id).name = to;
  for (const int32_t kid : std::vector<int32_t>(tree_.at(id).kids)) rename(kid, from, to);
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
  if (const auto verdict = same_residues()) return *verdict;
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

/// Whether one list is x=1, y=2 and the other 1, 2: values of different names have an order.
bool Comparison::values_of_names(int32_t g, int32_t a) const {
  const auto gold = assignments_of(g);
  const auto answer = assignments_of(a);
  if (gold.has_value() == answer.has_value()) return false;
  return name_different_things(tree_, gold ? *gold : *answer);
}

std::optional<bool> Comparison::same_assignments(int32_t g, int32_t a) {
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
    if (is_bracket_pair(gold) && name_different_things(tree_, *equations)) {
      return same_in_order(gold.kids, *equations);
    }
  }
  if (const auto equations = assignments_of(g); equations && !is_listing(answer)) {
    if (const auto other = split(answer)) return same_items(*equations, *other);
    if (is_bracket_pair(answer) && name_different_things(tree_, *equations)) {
      return same_in_order(*equations, answer.kids);
    }
  }
  return std::nullopt;
}

std::optional<bool> Comparison::same_collection(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  if (const auto verdict = same_assignments(g, a)) return *verdict;
  if (is_listing(gold) && is_listing(answer)) {
    if (values_of_names(g, a)) return decide(same_in_order(gold.kids, answer.kids), "named values");
    if (gold.kind == NodeKind::set && answer.kind == NodeKind::set) ++set_depth_;
    const bool is_same = same_items(items_of(g), items_of(a));
    if (gold.kind == NodeKind::set && answer.kind == NodeKind::set) --set_depth_;
    return decide(is_same, "items of a set, in any order");
  }
  // "1, 2" beside (1, 2): a pair whose brackets were left out, in order; but not x=1 or x=2.
  const auto is_bare_tuple = [&](int32_t id) {
    return tree_.at(id).kind == NodeKind::list && !assignments_of(id);
  };
  if (is_bare_tuple(g) && is_bracket_pair(answer) && answer.name == "()") {
    return decide(same_in_order(gold.kids, answer.kids), "items of a tuple, in order");
  }
  if (is_bare_tuple(a) && is_bracket_pair(gold) && gold.name == "()") {
    return decide(same_in_order(gold.kids, answer.kids), "items of a tuple, in order");
  }
  if (is_bracket_pair(gold) && is_bracket_pair(answer)) {
    if (gold.name != answer.name) return decide(false, "brackets differ");
    return decide(same_in_order(gold.kids, answer.kids), "items of a tuple, in order");
  }
  if (is_listing(gold) != is_listing(answer)) {
    const std::vector<int32_t> items = distinct(items_of(is_listing(gold) ? g : a));
    // 5 stands for {5}, but the empty set not for the set that holds it.
    const bool is_sole =
        items.size() == 1 && set_depth_ == 0 && !is_set_operation(tree_.at(items[0]));
    if (is_sole) return is_listing(gold) ? same(items[0], a) : same(g, items[0]);
  }
  return std::nullopt;
}

/// A pair whose first number is not below its second, as in (2, -1): a point, no interval.
bool Comparison::is_backwards(const Node& pair) {
  if (!is_bracket_pair(pair) || pair.kids.size() != 2) return false;
  const auto order = compare_order({tree_, pair.kids[0]}, {tree_, pair.kids[1]}, work_);
  return order && (*order > 0 || (*order == 0 && pair.name != "[]"));
}

std::optional<bool> Comparison::same_sets(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  const auto inequality = [&](int32_t id) {
    const Node& node = tree_.at(id);
    return (node.kind == NodeKind::relation || node.kind == NodeKind::list) &&
           is_set_like(tree_, id);
  };
  const bool gold_is_set = is_set_like(tree_, g) && !is_backwards(gold);
  const bool answer_is_set = is_set_like(tree_, a) && !is_backwards(answer);
  const bool needs_sets = is_set_operation(gold) || is_set_operation(answer) || inequality(g) ||
                          inequality(a) ||
                          (gold.kind == NodeKind::set && is_bracket_pair(answer)) ||
                          (is_bracket_pair(gold) && answer.kind == NodeKind::set);
  if (gold_is_set && answer_is_set && needs_sets) {
    if (inequality(a) && !inequality(g) && !options_.allow_set_relation_comp) {
      return decide(false, "an inequality does not answer a set");
    }
    if (gold.kind == NodeKind::constant && answer.kind == NodeKind::constant) {
      return decide(gold.name == answer.name, "names of sets");
    }
    const std::set<std::string> unknowns = unknowns_of(g);
    const std::set<std::string> others = unknowns_of(a);
    if (unknowns.size() == 1 && others.size() == 1 && unknowns != others) {
      return decide(false, "inequalities for different unknowns");
    }
    const bool are_of_one = unknowns.size() <= 1 && others.size() <= 1;
    const auto verdict = are_of_one ? same_set(tree_, g, a, work_) : std::nullopt;
    if (verdict) return decide(*verdict, "sets of reals hold the same numbers");
    if (!are_of_one && is_disjunction(gold) != is_disjunction(answer)) {
      return decide(false, "one says or, the other and");
    }
  }
  return std::nullopt;
}

bool Comparison::same(int32_t g, int32_t a) {
  if (!work_.spend(10)) return false;
  if (tree_.at(g).kind == NodeKind::matrix || tree_.at(a).kind == NodeKind::matrix) {
    for (int32_t* side : {&g, &a}) {
      if (const int32_t matrix = matrix_of_rows(tree_, *side); matrix >= 0) *side = matrix;
    }
  }
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  if (const auto verdict = same_relation(g, a)) return *verdict;
  // x in S stands for S; 2x in S does not.
  if (gold.kind == NodeKind::element_of && answer.kind == NodeKind::element_of) {
    return same(gold.kids[0], answer.kids[0]) && same(gold.kids[1], answer.kids[1]);
  }
  for (const Node* side : {&gold, &answer}) {
    if (side->kind == NodeKind::element_of && !is_name(side->kids[0])) {
      return decide(false, "an expression, not a name, is in the set");
    }
  }
  if (answer.kind == NodeKind::element_of && gold.kind != NodeKind::relation) {
    return same(g, answer.kids[1]);
  }
  if (gold.kind == NodeKind::element_of && answer.kind != NodeKind::relation) {
    return same(gold.kids[1], a);
  }
  if (const auto verdict = same_sets(g, a)) return *verdict;
  if (const auto verdict = same_collection(g, a)) return *verdict;
  if (is_set_operation(gold) && is_set_operation(answer) && gold.kind == answer.kind) {
    const bool has_order = gold.kind == NodeKind::set_minus;
    return !gold.kids.empty() &&
           (has_order ? same_in_order(gold.kids, answer.kids) : same_items(gold.kids, answer.kids));
  }
  return same_values(g, a);
}

}  // namespace gradus::rewards::math
