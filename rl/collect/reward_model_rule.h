#pragma once

#include <memory>

#include "rewards/reward_config.h"
#include "rewards/reward_rule.h"
#include "rewards/reward_set.h"

namespace gradus::rl {

/// The name of the rule that asks a trained reward model.
inline constexpr const char* kRewardModelRule = "reward_model";

/// Makes a rule of any type: one of rewards/, or `reward_model`, whose option `path` names a
/// checkpoint with a scalar head (the stage reward_model's final/). It reads the prompt as the
/// policy does and the completion's text, in its own tokens, and gives the head's value at the end
/// token. One group is graded at a time, by all cores.
/// @throws ConfigError, FileError
std::unique_ptr<rewards::RewardRule> make_rule(const rewards::RewardConfig& config);

/// The rules of a recipe. Where there are none, nothing is graded.
rewards::RewardSet make_reward_set(const std::vector<rewards::RewardConfig>& configs);

}  // namespace gradus::rl
