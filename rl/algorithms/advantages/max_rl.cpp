#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {

extern const AdvantageEstimator kMaxRl;
/// A_i = (R_i - mean) / mean, 0 where the mean is not positive (maximum-likelihood RL, as prime-rl
/// has it), for rewards that are not negative.
const AdvantageEstimator kMaxRl{
    "max_rl", "against the group's mean and divided by it, for rewards of 0 and 1",
    [](std::vector<Group>& groups, const AlgorithmConfig&) {
      assign_by_group(groups, [](const Group&, std::span<const double> rewards) {
        const RewardMoments moments = reward_moments(rewards);
        std::vector<double> advantages;
        for (const double r : rewards)
          advantages.push_back(moments.mean > 0.0 ? (r - moments.mean) / moments.mean : 0.0);
        return advantages;
      });
    },
    has_unequal_rewards};

}  // namespace gradus::rl
