#pragma once

#include <span>
#include <vector>

#include "rl/algorithm_config.h"
#include "rl/group.h"

namespace gradus::rl {

/// Mean and sample deviation (n - 1) of the rewards that are not NaN.
struct RewardMoments {
  int count = 0;
  double mean = 0.0;      ///< 0 when count is 0
  double std = 0.0;       ///< 0 when count < 2, and exactly 0 when all are equal
  bool all_equal = true;  ///< compared bit by bit, before any statistics
};

/// @throws gradus::ArgumentError  an infinite reward.
RewardMoments reward_moments(std::span<const double> rewards);

/// Advantages of one group's completions, relative to the group's mean reward.
///
///   A_i = (r_i - mean(r)) / scale
///   scale: group  std(r) + std_floor   (DeepSeekMath, arXiv:2402.03300, section 4.1; TRL)
///          batch  batch_std + std_floor
///          none   1                    (Dr. GRPO, arXiv:2503.20783)
///
/// A NaN reward (no rule could score the completion) is left out of mean and std and gets 0.
/// Equal rewards, and hence a group with one scored completion, give exactly 0.
///
/// @param rewards    [group] rewards of completions of one prompt.
/// @param batch_std  deviation over the whole batch; read for ScaleRewards::batch alone.
/// @return           [group] in the same order.
/// @throws gradus::ArgumentError  an infinite reward.
std::vector<double> group_advantages(std::span<const double> rewards, const AlgorithmConfig& config,
                                     double batch_std = 0.0);

/// Fills `advantages` of every group from its `rewards`. A failed or aborted completion counts as
/// not scored, whatever stands in `rewards`.
/// @throws gradus::ArgumentError  a group whose rewards and completions differ in number.
void assign_advantages(std::vector<Group>& groups, const AlgorithmConfig& config);

/// Whether the group can teach anything: at least two scored completions with unequal rewards.
/// Dynamic sampling keeps exactly these.
bool has_signal(const Group& group);

/// Whether a completion may be trained on: it ended by itself or by length, and has tokens.
bool is_trainable(const rollout::Completion& completion);

}  // namespace gradus::rl
