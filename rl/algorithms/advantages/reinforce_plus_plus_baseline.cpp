#include <cmath>

#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/advantages/whitening.h"

namespace gradus::rl {
namespace {

/// R_i - mean of the group at each token, whitened over the batch's tokens (REINFORCE++-baseline,
/// arXiv:2501.03262). A completion without reward has advantage 0.
void assign_reinforce_plus_plus_baseline(std::vector<Group>& groups,
                                         const AlgorithmConfig& config) {
  const auto& own = config.advantages.of<WhiteningSettings>("reinforce_plus_plus_baseline");
  TokenValues values;
  for (const Group& group : groups) {
    const auto rewards = usable_rewards(group);
    const RewardMoments moments = reward_moments(rewards);
    auto& of_group = values.emplace_back();
    for (size_t i = 0; i < rewards.size(); ++i)
      of_group.emplace_back(
          group.completions[i].tokens.size(),
          std::isnan(rewards[i]) || moments.all_equal ? 0.0 : rewards[i] - moments.mean);
  }
  const TokenValues advantages = whitened(groups, values, own);
  for (size_t g = 0; g < groups.size(); ++g) {
    const auto rewards = usable_rewards(groups[g]);
    groups[g].advantages.assign(rewards.size(), 0.0);
    for (size_t i = 0; i < rewards.size(); ++i) {
      const auto live = live_tokens(groups[g].completions[i]);
      for (size_t t = 0; t < live.size() && !std::isnan(rewards[i]); ++t)
        if (live[t] != 0) groups[g].advantages[i] = advantages[g][i][t];
    }
  }
}

}  // namespace

extern const AdvantageEstimator kReinforcePlusPlusBaseline;
const AdvantageEstimator kReinforcePlusPlusBaseline{
    "reinforce_plus_plus_baseline", "against the group's mean, whitened over the batch's tokens",
    assign_reinforce_plus_plus_baseline, has_unequal_rewards,
    [] { return OwnSettings::of(WhiteningSettings{}); }};

}  // namespace gradus::rl
