#include <algorithm>
#include <cmath>
#include <limits>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

/// Settings `rl.pass_at_k.*`.
struct PassAtKSettings {
  bool divide_by_std = true;
};

void describe(PassAtKSettings& c, SettingFields& field) {
  field("divide_by_std", c.divide_by_std, any(), "divided by the group's deviation and std_floor");
}

/// The best completion alone gets R_max - R_second (verl's grpo_passk, arXiv:2503.19595).
std::vector<double> best_against_second(std::span<const double> rewards, bool divide,
                                        double std_floor) {
  std::vector<double> advantages(rewards.size(), 0.0);
  size_t best = rewards.size();
  for (size_t i = 0; i < rewards.size(); ++i)
    if (!std::isnan(rewards[i]) && (best == rewards.size() || rewards[i] > rewards[best])) best = i;
  double second = -std::numeric_limits<double>::infinity();
  for (size_t i = 0; i < rewards.size(); ++i)
    if (!std::isnan(rewards[i]) && i != best) second = std::max(second, rewards[i]);
  const double gap = rewards[best] - second;
  advantages[best] = divide ? gap / (reward_moments(rewards).std + std_floor) : gap;
  return advantages;
}

}  // namespace

extern const AdvantageEstimator kPassAtK;
const AdvantageEstimator kPassAtK{
    "pass_at_k", "the group's best alone, by what it is better than the second",
    [](std::vector<Group>& groups, const AlgorithmConfig& config) {
      const bool divide = config.advantages.of<PassAtKSettings>("pass_at_k").divide_by_std;
      assign_by_group(groups, [&](const Group&, std::span<const double> rewards) {
        return best_against_second(rewards, divide, config.std_floor);
      });
    },
    has_unequal_rewards, [] { return OwnSettings::of(PassAtKSettings{}); }};

}  // namespace gradus::rl
