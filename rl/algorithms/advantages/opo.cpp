#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

/// A_i = R_i - sum n_i R_i / sum n_i: the group's mean weighed by length, n_i live tokens (OPO,
/// arXiv:2505.23585).
std::vector<double> against_length_weighted_mean(const Group& group,
                                                 std::span<const double> rewards) {
  double sum = 0.0;
  double tokens = 0.0;
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (std::isnan(rewards[i])) continue;
    double n = 0.0;
    for (const uint8_t is_live : live_tokens(group.completions[i])) n += is_live;
    sum += n * rewards[i];
    tokens += n;
  }
  const double baseline = tokens > 0.0 ? sum / tokens : 0.0;
  const bool all_equal = reward_moments(rewards).all_equal;
  std::vector<double> advantages;
  for (const double r : rewards) advantages.push_back(all_equal ? 0.0 : r - baseline);
  return advantages;
}

}  // namespace

extern const AdvantageEstimator kOpo;
const AdvantageEstimator kOpo{"opo", "against the group's mean weighed by length",
                              [](std::vector<Group>& groups, const AlgorithmConfig&) {
                                assign_by_group(groups, against_length_weighted_mean);
                              },
                              has_unequal_rewards};

}  // namespace gradus::rl
