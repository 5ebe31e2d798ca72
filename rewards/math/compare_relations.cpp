#include <algorithm>

#include "rewards/math/compare.h"
#include "rewards/math/matching.h"
#include "rewards/math/names.h"
#include "rewards/math/prepare.h"
#include "rewards/math/values/numeric.h"
#include "rewards/math/values/real_sets.h"

// Equations, inequalities and chains: what they say, and when two say the same.

namespace gradus::rewards::math {
namespace {

bool is_capital(const std::string& name) {
  return !name.empty() && name[0] >= 'A' && name[0] <= 'Z';
}

bool is_no_number(NodeKind kind) {
  return kind == NodeKind::list || kind == NodeKind::set || kind == NodeKind::group ||
         kind == NodeKind::matrix || kind == NodeKind::text;
}

}  // namespace

/// What stands for a value without saying it: x, f(x), AB, S:T, P(A), u(x, t).
bool Comparison::is_name(int32_t id) const {
  const Node& node = tree_.at(id);
  const auto is_symbol = [&](int32_t kid) { return tree_.at(kid).kind == NodeKind::symbol; };
  switch (node.kind) {
    case NodeKind::symbol:
    case NodeKind::text:
      return true;
    case NodeKind::constant:
      return node.name == "i" || node.name == "e";
    case NodeKind::call:
      return !function_name(node.name);
    case NodeKind::divide:
    case NodeKind::ratio:
      return is_name(node.kids[0]) && is_name(node.kids[1]);
    case NodeKind::group:
      return std::all_of(node.kids.begin(), node.kids.end(), is_symbol);
    case NodeKind::multiply:
      if (!applied_name(node).empty()) return true;
      // AB: capital letters; xy = 1 is an equation.
      return std::all_of(node.kids.begin(), node.kids.end(), [&](int32_t kid) {
        const Node& letter = tree_.at(kid);
        return is_symbol(kid) && is_capital(letter.name);
      });
    default:
      return false;
  }
}

/// The P of P(x) and the u of u(x, t), which are read as products; empty for other nodes.
std::string Comparison::applied_name(const Node& product) const {
  if (product.kind != NodeKind::multiply || product.kids.size() != 2) return "";
  const Node& name = tree_.at(product.kids[0]);
  const Node& argument = tree_.at(product.kids[1]);
  if (name.kind != NodeKind::symbol) return "";
  const bool is_symbol = argument.kind == NodeKind::symbol && argument.is_bracketed;
  const bool are_symbols = argument.kind == NodeKind::group && is_name(product.kids[1]);
  return is_symbol || are_symbols ? name.name : "";
}

/// The name that an equation's left side gives: "y" of y, of y(x) and of a known f(x).
std::string Comparison::given_name(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind == NodeKind::symbol) return node.name;
  if (node.kind == NodeKind::call && !function_name(node.name)) {
    const bool is_general = std::all_of(node.kids.begin(), node.kids.end(), [&](int32_t kid) {
      return tree_.at(kid).kind == NodeKind::symbol;
    });
    return is_general ? node.name : "";
  }
  return applied_name(node);
}

/// Equations for one name, or one for y and the other for a function: y = 2x and f(x) = 2x.
bool Comparison::give_one_name(int32_t g_left, int32_t a_left) const {
  const std::string gold = given_name(g_left);
  const std::string answer = given_name(a_left);
  if (gold.empty() || answer.empty()) return false;
  if (gold == answer) return true;
  const auto is_graph = [&](int32_t y, int32_t function) {
    return tree_.at(y).kind == NodeKind::symbol && tree_.at(y).name == "y" &&
           argument_of(function) == "x";
  };
  return is_graph(g_left, a_left) || is_graph(a_left, g_left);
}

/// The symbol that a function is given for: "x" of f(x); empty for other left sides.
std::string Comparison::argument_of(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kids.empty() || given_name(id).empty()) return "";
  const Node& argument = tree_.at(node.kids.back());
  const bool is_only = node.kids.size() == (node.kind == NodeKind::call ? 1 : 2);
  return is_only && argument.kind == NodeKind::symbol ? argument.name : "";
}

/// f(x) = x + 1 and f(n) = n + 1 give the same function.
void Comparison::match_arguments() {
  const Node& gold = tree_.at(gold_);
  const Node& answer = tree_.at(answer_);
  for (const Node* side : {&gold, &answer}) {
    if (side->kind != NodeKind::relation || side->name != "=") return;
  }
  const std::string wanted = argument_of(gold.kids[0]);
  const std::string used = argument_of(answer.kids[0]);
  if (wanted.empty() || used.empty() || wanted == used) return;
  rename(answer_, wanted, "another " + wanted);  // in f(n) = n + x it is no argument
  rename(answer_, used, wanted);
}

bool Comparison::is_assignment(const Node& relation) const {
  if (relation.kind != NodeKind::relation || relation.name != "=") return false;
  const Node& left = tree_.at(relation.kids[0]);
  // x = 2x + 1 is an equation for x.
  const bool is_solved =
      left.kind != NodeKind::symbol || symbols_in(tree_, relation.kids[1]).count(left.name) == 0;
  return is_solved && is_name(relation.kids[0]);
}

/// What an equation may tell the value of beside names: |AB|, P(X = 1), E[X], sin A, n(A u B).
bool Comparison::is_measure(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind == NodeKind::call) return true;
  if (node.kind != NodeKind::multiply || node.kids.size() != 2) return false;
  const Node& name = tree_.at(node.kids[0]);
  const Node& what = tree_.at(node.kids[1]);
  if (!what.is_bracketed) return false;
  const bool is_known = name.kind == NodeKind::constant && name.name.starts_with("set ");
  if (is_known || name.kind == NodeKind::text || is_capital(name.name)) return true;
  const bool is_of_sets = what.kind == NodeKind::set_union ||
                          what.kind == NodeKind::set_intersection || is_name(node.kids[1]);
  return name.kind == NodeKind::symbol && is_of_sets;
}

/// m + n, 10a + b, a^2 + b^2: made of names of numbers that were found, with no number beside them.
/// x + y = 5 and 24 + a = 30 are equations in unknowns.
bool Comparison::is_made_of_names(int32_t id) const {
  const Node& node = tree_.at(id);
  const auto is_place = [&](int32_t kid) {
    const Node& factor = tree_.at(kid);
    return factor.kind == NodeKind::number &&
           (factor.value == Rational(10) || factor.value == Rational(100) ||
            factor.value == Rational(1000));
  };
  const auto all = [&](auto&& fits) {
    return std::all_of(node.kids.begin(), node.kids.end(), fits);
  };
  switch (node.kind) {
    case NodeKind::symbol:
      return node.name != "x" && node.name != "y" && node.name != "z";
    case NodeKind::negate:
    case NodeKind::power:
    case NodeKind::root:
      return is_made_of_names(node.kids[0]);
    case NodeKind::add:
      return all([&](int32_t kid) { return is_made_of_names(kid); });
    case NodeKind::multiply:
      return all([&](int32_t kid) { return is_place(kid) || is_made_of_names(kid); });
    default:
      return false;
  }
}

/// x = 2 and 2 < x < 3: a name alone on one side, what it is on the others.
bool Comparison::is_solved(const Node& relation) const {
  std::string name;
  for (const int32_t side : relation.kids) {
    const Node* node = &tree_.at(side);
    const bool is_distance = node->kind == NodeKind::call && node->name == "abs";
    if (is_distance) node = &tree_.at(node->kids[0]);
    if (node->kind == NodeKind::symbol && name.empty()) {
      name = node->name;
    } else if (!symbols_in(tree_, side).empty()) {
      return false;
    }
  }
  return !name.empty();
}

/// Whether a gold that names its value is answered by an equation that was not solved: 3x - 1 = 5
/// says no more than the question did.
bool Comparison::is_unsolved(const Node& gold, const Node& answer) const {
  return gold.name == "=" && is_solved(gold) && !is_solved(answer);
}

/// Whether an answer's equation may stand for its right side.
bool Comparison::is_value_of(const Node& relation) {
  if (relation.kind != NodeKind::relation || relation.name != "=") return false;
  if (is_assignment(relation)) return true;
  const bool is_constant = symbols_in(tree_, relation.kids[1]).empty();
  if (is_measure(relation.kids[0]) && is_constant) return true;
  if (is_constant && is_made_of_names(relation.kids[0])) return true;   // m + n = 293
  if (symbols_in(tree_, relation.kids[0]).empty()) return is_constant;  // 2+3 = 5, but not 0 = 2x
  return same_expression(relation.kids[0], relation.kids[1]);
}

std::optional<bool> Comparison::same_relation(int32_t g, int32_t a) {
  const Node gold = tree_.at(g);
  const Node answer = tree_.at(a);
  const bool gold_is = gold.kind == NodeKind::relation;
  const bool answer_is = answer.kind == NodeKind::relation;
  if (gold_is && answer_is) {
    if (is_unsolved(gold, answer)) return decide(false, "an equation that was not solved");
    if (is_set_like(tree_, g) && is_set_like(tree_, a) &&
        symbols_in(tree_, g) == symbols_in(tree_, a) && symbols_in(tree_, g).size() == 1) {
      const auto verdict = same_set(tree_, g, a, work_);
      if (verdict) return decide(*verdict, "inequalities hold for the same numbers");
    }
    return same_relations(gold, answer);
  }
  const bool gold_has_value =
      gold_is && (is_assignment(gold) || (gold.name == "=" && is_measure(gold.kids[0]) &&
                                          symbols_in(tree_, gold.kids[1]).empty()));
  if (gold_has_value && answer.kind != NodeKind::element_of) {
    return same(gold.kids[1], a);
  }
  if (answer_is && answer.name == "=" && !gold_is && gold.kind != NodeKind::element_of) {
    if (is_value_of(answer)) return same(g, answer.kids[1]);
    const bool is_turned = answer.kids.size() == 2 && is_made_of_names(answer.kids[1]) &&
                           symbols_in(tree_, answer.kids[0]).empty();
    if (is_turned) return same(g, answer.kids[0]);  // 293 = m + n
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
  if (units_differ(g_right, a_right)) return false;
  if (g_op == '=' && give_one_name(g_left, a_left)) {
    return same(g_right, a_right);
  }
  const bool is_directed = g_op == '<' || g_op == 'l';
  const bool sides_are_sets = is_no_number(tree_.at(g_right).kind);
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

/// The symbols of inequalities and of x in S; those of a set builder are its own.
std::set<std::string> Comparison::unknowns_of(int32_t id) const {
  const Node& node = tree_.at(id);
  if (node.kind == NodeKind::relation || node.kind == NodeKind::element_of) {
    return symbols_in(tree_, id);
  }
  std::set<std::string> unknowns;
  if (node.kind != NodeKind::list) return unknowns;
  for (const int32_t kid : node.kids) unknowns.merge(unknowns_of(kid));
  return unknowns;
}

}  // namespace gradus::rewards::math
