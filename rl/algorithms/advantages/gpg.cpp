#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

/// A_i = (R_i - mean) N / (number of rewards of the batch that are not 0) (GPG, arXiv:2504.02546).
void assign_gpg(std::vector<Group>& groups, const AlgorithmConfig&) {
  double num_all = 0.0;
  double num_nonzero = 0.0;
  for (const Group& group : groups)
    for (const double r : usable_rewards(group)) {
      if (std::isnan(r)) continue;
      num_all += 1.0;
      num_nonzero += r != 0.0 ? 1.0 : 0.0;
    }
  const double scale = num_nonzero > 0.0 ? num_all / num_nonzero : 0.0;
  assign_by_group(groups, [scale](const Group&, std::span<const double> rewards) {
    const RewardMoments moments = reward_moments(rewards);
    std::vector<double> advantages;
    for (const double r : rewards)
      advantages.push_back(moments.all_equal ? 0.0 : (r - moments.mean) * scale);
    return advantages;
  });
}

}  // namespace

extern const AdvantageEstimator kGpg;
const AdvantageEstimator kGpg{"gpg", "against the group's mean, scaled up where most rewards are 0",
                              assign_gpg, has_unequal_rewards};

}  // namespace gradus::rl
