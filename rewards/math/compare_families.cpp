#include "rewards/math/compare.h"
#include "rewards/math/prepare.h"
#include "rewards/math/rewriting.h"

// Families of answers: those with a parameter, and residues.

namespace gradus::rewards::math {

/// Where a parameter comes from is not part of the answer, nor is its name.
void Comparison::match_parameters() {
  const auto as_family = [&](int32_t& id, int32_t other, Domains& domains) {
    const Node node = tree_.at(id);  // {n pi : n in Z} beside k pi, k in Z
    if (node.kind != NodeKind::set_builder || tree_.at(other).kind == NodeKind::set_builder) return;
    const Node& condition = tree_.at(node.kids[1]);
    if (condition.kind != NodeKind::element_of) return;
    const Node& name = tree_.at(condition.kids[0]);
    const Node& domain = tree_.at(condition.kids[1]);
    const bool is_family = name.kind == NodeKind::symbol && domain.kind == NodeKind::constant &&
                           tree_.at(node.kids[0]).kind != NodeKind::symbol &&
                           symbols_in(tree_, node.kids[0]).count(name.name) > 0;
    if (!is_family || !contains(tree_, other, NodeKind::element_of)) return;
    domains.emplace_back(name.name, domain.name);
    id = node.kids[0];
  };
  as_family(gold_, answer_, gold_domains_);
  as_family(answer_, gold_, answer_domains_);
  gold_ = without_domains(tree_, gold_, gold_domains_);
  answer_ = without_domains(tree_, answer_, answer_domains_);
  if (gold_domains_.size() != 1 || answer_domains_.size() != 1) return;
  if (gold_domains_[0].second != answer_domains_[0].second) return;
  const std::string& name = gold_domains_[0].first;
  if (symbols_in(tree_, answer_).count(name) == 0) rename(answer_, answer_domains_[0].first, name);
}

/// x = 3 (mod 7) beside x = 7k + 3 for k from the integers.
std::optional<bool> Comparison::same_residues() {
  if (const auto verdict = same_residue_family(gold_, answer_, answer_domains_)) return verdict;
  return same_residue_family(answer_, gold_, gold_domains_);
}

std::optional<bool> Comparison::same_residue_family(int32_t residue, int32_t family,
                                                    const Domains& domains) {
  const auto side_of = [&](int32_t id) {
    const Node& node = tree_.at(id);
    const bool is_equation = node.kind == NodeKind::relation && node.name == "=";
    return is_equation ? node.kids[1] : id;
  };
  const Node class_ = tree_.at(side_of(residue));
  const bool is_class = class_.kind == NodeKind::quantity && class_.kids.size() == 2;
  if (!is_class || domains.size() != 1 || domains[0].second != "set Z") return std::nullopt;
  const auto value_of = [&](int32_t id) -> std::optional<Rational> {
    const auto form = algebra_.canonical(tree_, id);
    return form ? constant_of(*form) : std::nullopt;
  };
  const auto first = value_of(class_.kids[0]);
  const auto modulus = value_of(class_.kids[1]);
  std::vector<Rational> members;
  for (int64_t k = 0; k < 3; ++k) {
    const auto member = value_of(with_value(tree_, side_of(family), domains[0].first, Rational(k)));
    if (!member) return std::nullopt;
    members.push_back(*member);
  }
  if (!first || !modulus || modulus->is_zero()) return std::nullopt;
  const Rational step = members[1] - members[0];
  const bool is_even = members[2] - members[1] == step && step.abs() == modulus->abs();
  const bool is_member = ((members[0] - *first) / *modulus).is_integer();
  return decide(is_even && is_member, "members of a residue class");
}

}  // namespace gradus::rewards::math
