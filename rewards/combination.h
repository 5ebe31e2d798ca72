#pragma once

#include <limits>
#include <optional>
#include <span>
#include <vector>

#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// The terms on which one rule's values enter a completion's reward.
struct RewardTerms {
  double weight = 1.0;
  std::optional<double> min;              // a lower value counts as this
  std::optional<double> max;              // a higher value counts as this
  std::optional<double> gate;             // from this value on the rules below pay; none: no gate
  std::vector<std::string> sources = {};  // of the rows that the rule is for; empty: all
};

/// What one rule's grade of one completion counts for.
struct Contribution {
  double value = std::numeric_limits<double>::quiet_NaN();  // NaN: not counted
  bool is_clipped = false;  // min or max took the place of the rule's value
  bool is_gated = false;    // a gate above is closed (value 0), or could not be seen (NaN)
};

/// min(max(value, terms.min), terms.max)
double clipped_value(double value, const RewardTerms& terms);

/// [rule][completion]
using Contributions = std::vector<std::vector<Contribution>>;

/// Rules are looked at from the top, v = min(max(value, min_k), max_k):
///
///   v_ik = v      where rule k scored completion i and every gate above is open
///        = 0      where a gate above is closed: the gate's own v is below its threshold
///        = NaN    where rule k did not score it, or a gate above did not (and none is closed)
///
/// A gate's own value always counts, times its weight (0: it only opens and closes), and gates may
/// stand below each other: format, then accuracy, then length.
///
/// @param grades  [rule][completion]
/// @param terms   [rule]
Contributions contributions_of(const std::vector<std::vector<Grade>>& grades,
                               std::span<const RewardTerms> terms);

/// sum over k of weight_k * v_ik, NaNs left out; NaN where there is nothing else.  [completion]
std::vector<double> weighted_sums(const Contributions& contributions,
                                  std::span<const RewardTerms> terms);

}  // namespace gradus::rewards
