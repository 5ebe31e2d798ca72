#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/reward_config.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// A rule for people: `gradus rewards list`.
struct RewardRuleInfo {
  std::string type;
  std::string text;
  std::vector<SettingInfo> options;
};

/// Makes the rule that config.type names.
/// @throws ConfigError  an unknown type (with the nearest), or options that are not the rule's;
///         FileError, PeerError  a plug-in that cannot be loaded.
std::unique_ptr<RewardRule> make_reward_rule(const RewardConfig& config);

std::vector<RewardRuleInfo> list_reward_rules();

}  // namespace gradus::rewards
