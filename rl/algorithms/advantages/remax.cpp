#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

/// A_i = R_i - R(greedy completion of the same prompt) (ReMax, arXiv:2310.10505); 0 where that one
/// has no reward.
void assign_remax(std::vector<Group>& groups, const AlgorithmConfig&) {
  for (Group& group : groups) {
    const auto rewards = usable_rewards(group);
    group.advantages.assign(rewards.size(), 0.0);
    if (std::isnan(group.greedy_reward)) continue;
    for (size_t i = 0; i < rewards.size(); ++i)
      if (!std::isnan(rewards[i])) group.advantages[i] = rewards[i] - group.greedy_reward;
  }
}

bool differs_from_greedy(const Group& group, const AlgorithmConfig&) {
  if (std::isnan(group.greedy_reward)) return false;
  for (const double r : usable_rewards(group))
    if (!std::isnan(r) && r != group.greedy_reward) return true;
  return false;
}

}  // namespace

extern const AdvantageEstimator kRemax;
const AdvantageEstimator kRemax{
    "remax",      "against the greedy completion of the prompt, which is sampled as well",
    assign_remax, differs_from_greedy,
    nullptr,      true};

}  // namespace gradus::rl
