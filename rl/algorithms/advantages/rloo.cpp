#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

constexpr double kRlooFloor = 1e-4;

/// Settings `rl.rloo.*`.
struct RlooSettings {
  bool normalize = false;
};

void describe(RlooSettings& c, SettingFields& field) {
  field("normalize", c.normalize, any(), "centred and divided by the deviation over the batch");
}

/// A_i = R_i - mean of the others' rewards (arXiv:2402.14740).
std::vector<double> leave_one_out(std::span<const double> rewards) {
  const RewardMoments moments = reward_moments(rewards);
  const double n = moments.count;
  std::vector<double> advantages;
  for (const double r : rewards)
    advantages.push_back(moments.all_equal ? 0.0 : (r - moments.mean) * n / (n - 1.0));
  return advantages;
}

void assign_rloo(std::vector<Group>& groups, const AlgorithmConfig& config) {
  assign_by_group(groups, [](const Group&, std::span<const double> r) { return leave_one_out(r); });
  if (!config.advantages.of<RlooSettings>("rloo").normalize) return;
  std::vector<double> batch;
  for (const Group& group : groups) {
    const auto rewards = usable_rewards(group);
    for (size_t i = 0; i < rewards.size(); ++i)
      if (!std::isnan(rewards[i])) batch.push_back(group.advantages[i]);
  }
  const RewardMoments whole = reward_moments(batch);
  for (Group& group : groups) {
    const auto rewards = usable_rewards(group);
    if (num_scored(rewards) < 2) continue;
    for (size_t i = 0; i < rewards.size(); ++i)
      if (!std::isnan(rewards[i]))
        group.advantages[i] = (group.advantages[i] - whole.mean) / (whole.std + kRlooFloor);
  }
}

}  // namespace

extern const AdvantageEstimator kRloo;
const AdvantageEstimator kRloo{"rloo", "each completion against the mean of the others",
                               assign_rloo, has_unequal_rewards,
                               [] { return OwnSettings::of(RlooSettings{}); }};

}  // namespace gradus::rl
