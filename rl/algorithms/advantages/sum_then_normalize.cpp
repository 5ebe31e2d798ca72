#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {

std::vector<double> group_advantages(std::span<const double> rewards, const AlgorithmConfig& config,
                                     double batch_std) {
  const RewardMoments moments = reward_moments(rewards);
  std::vector<double> advantages(rewards.size(), 0.0);
  if (moments.all_equal) return advantages;
  double scale = 1.0;
  if (config.scale_rewards == ScaleRewards::group) scale = moments.std + config.std_floor;
  if (config.scale_rewards == ScaleRewards::batch) scale = batch_std + config.std_floor;
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!std::isnan(rewards[i])) advantages[i] = (rewards[i] - moments.mean) / scale;
  }
  return advantages;
}

namespace {

void assign_by_sum(std::vector<Group>& groups, const AlgorithmConfig& config) {
  std::vector<std::vector<double>> rewards;
  std::vector<double> batch;
  for (const Group& group : groups) {
    rewards.push_back(usable_rewards(group));
    batch.insert(batch.end(), rewards.back().begin(), rewards.back().end());
  }
  const double batch_std = reward_moments(batch).std;
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].advantages = group_advantages(rewards[g], config, batch_std);
  }
}

/// At least two scored completions with unequal rewards.
bool has_unequal_rewards(const Group& group, const AlgorithmConfig&) {
  return !reward_moments(usable_rewards(group)).all_equal;
}

}  // namespace

extern const AdvantageEstimator kSumThenNormalize;
const AdvantageEstimator kSumThenNormalize{"sum_then_normalize",
                                           "rules are summed and the sum compared within the group",
                                           assign_by_sum, has_unequal_rewards};

}  // namespace gradus::rl
