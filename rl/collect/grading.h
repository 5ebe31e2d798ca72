#pragma once

#include <stop_token>
#include <vector>

#include "rewards/reward_set.h"
#include "rl/collect/group.h"

namespace gradus::rl {

/// Grades the completions of one prompt with every rule. Only completions that ended by themselves
/// or by length are shown to the rules; the others are skipped with the rollout's reason and
/// a NaN reward, so that they take no part in the group's comparison.
Group grade_rollout(rollout::Rollout rollout, rewards::RewardSet& rules);

/// The same for many prompts, on `num_threads` threads (rules that run in other processes wait
/// most of the time; where not as many can be started, on fewer); results stand in the given order.
/// Once `stop` is requested the rest is left ungraded: what is returned then is of no use.
std::vector<Group> grade_rollouts(std::vector<rollout::Rollout> rollouts, rewards::RewardSet& rules,
                                  int num_threads, const std::stop_token& stop);

}  // namespace gradus::rl
