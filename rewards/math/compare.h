#pragma once

#include <optional>
#include <set>
#include <string>

#include "rewards/math/prepare.h"
#include "rewards/math/reading/syntax.h"
#include "rewards/math/values/algebra.h"

namespace gradus::rewards::math {

struct CompareOptions {
  int float_rounding = 6;                // decimals at which a decimal answer is compared
  bool strict = true;                    // false: symbols match by position
  bool allow_set_relation_comp = false;  // an inequality may answer a gold interval
};

/// Compares a gold with an answer, both parsed, as Math-Verify's users expect and mathematics says.
///
/// Not symmetric on purpose in three ways: an assignment's value may stand for the assignment
/// (gold `x=5`, answer `5`) and the other way round, a set may answer an inequality (gold `x<3`,
/// answer `(-oo, 3)`) but an inequality answers a set only with `allow_set_relation_comp`, and an
/// equation never answers an expression.
class Comparison {
 public:
  static constexpr int64_t kAlgebraWork = 60'000;
  static constexpr int64_t kWork = 120'000;  // units; see Work

  Comparison(const Tree& gold, const Tree& answer, const CompareOptions& options);

  bool equal();

  /// Whether the answer holds sums or other operations on numbers that were not worked out, and the
  /// gold does not: 2 + 3 for 5.
  bool is_left_open();

  /// Whether the work limit was met; the answer is then "not equal".
  bool is_spent() const { return work_.is_spent() || is_past_limits_; }
  /// What decided, for people: "exact form", "numeric", "sets of reals", ...
  const std::string& path() const { return path_; }
  /// Canonical forms for people.
  std::string gold_text() { return text(gold_); }
  std::string answer_text() { return text(answer_); }

 private:
  bool same(int32_t g, int32_t a);
  bool same_items(const std::vector<int32_t>& g, const std::vector<int32_t>& a);
  bool same_in_order(const std::vector<int32_t>& g, const std::vector<int32_t>& a);
  std::optional<bool> same_assignments(int32_t g, int32_t a);
  std::optional<bool> same_collection(int32_t g, int32_t a);
  std::optional<bool> same_sets(int32_t g, int32_t a);
  std::optional<bool> same_relation(int32_t g, int32_t a);
  bool same_values(int32_t g, int32_t a);
  bool same_relations(const Node& g, const Node& a);
  bool same_relation_pair(int32_t g_left, int32_t g_right, char g_op, int32_t a_left,
                          int32_t a_right, char a_op);
  bool same_expression(int32_t g, int32_t a);
  bool same_plain_expression(int32_t g, int32_t a);
  bool same_quantity(int32_t g, int32_t a);
  int32_t quantity_of(int32_t value, const std::string& unit);
  int32_t with_unit(int32_t id, int32_t other);
  std::optional<bool> same_clock(const Node& halved, const Node& other);
  bool same_in_radians(int32_t degrees, int32_t radians);
  bool same_residue(const Node& g, const Node& a);
  bool same_decimal(int32_t g, int32_t a);
  bool same_ratio(const Node& g, const Node& a);
  bool same_based(const Node& g, const Node& a);
  bool same_infinity(int32_t g, int32_t a, bool& is_decided) const;
  bool same_symbolic(int32_t g, int32_t a);
  bool is_backwards(const Node& pair);
  std::set<std::string> unknowns_of(int32_t id) const;
  std::optional<bool> same_residues();
  std::optional<bool> same_residue_family(int32_t residue, int32_t family, const Domains& domains);
  std::optional<std::string> unit_expression(int32_t id) const;
  bool is_made_of_names(int32_t id) const;
  bool is_unsolved(const Node& gold, const Node& answer) const;
  bool is_open(int32_t id);
  bool is_solved(const Node& relation) const;
  bool values_of_names(int32_t g, int32_t a) const;
  bool is_name(int32_t id) const;
  bool is_measure(int32_t id) const;
  std::string applied_name(const Node& product) const;
  std::string given_name(int32_t id) const;
  std::string argument_of(int32_t id) const;
  bool give_one_name(int32_t g_left, int32_t a_left) const;
  bool units_differ(int32_t g, int32_t a) const;
  bool is_assignment(const Node& relation) const;
  bool is_value_of(const Node& relation);
  std::vector<int32_t> items_of(int32_t id);
  std::vector<int32_t> distinct(const std::vector<int32_t>& items);
  std::optional<std::vector<int32_t>> assignments_of(int32_t id) const;
  void match_symbols();
  void match_parameters();
  void match_arguments();
  void match_imaginary(int32_t with_i, int32_t with_capital);
  void rename(int32_t id, const std::string& from, const std::string& to);
  int32_t make(NodeKind kind, std::vector<int32_t> kids);
  bool decide(bool verdict, const char* how);
  std::string text(int32_t id);

  Work work_{kWork};
  Work algebra_work_{kAlgebraWork};  // its end leaves numeric comparison its own
  Algebra algebra_{algebra_work_};
  CompareOptions options_;
  Tree tree_;
  int32_t gold_ = -1;
  int32_t answer_ = -1;
  int set_depth_ = 0;            // within {{1}, 2}, where {1} is not 1
  bool is_past_limits_ = false;  // numbers that are too large to be told apart
  Domains gold_domains_;
  Domains answer_domains_;
  std::string path_;
};

}  // namespace gradus::rewards::math
