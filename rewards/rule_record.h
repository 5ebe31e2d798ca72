#pragma once

#include <memory>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/reward_config.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// What a reward rule adds to the registry. A new rule is one file and one line of
/// rewards/records.inc:
///
///   extern const RewardRuleRecord kMineRule{"mine", "what it pays for", make_mine_rule,
///                                           options_of<MineConfig>};
///
/// `extern`, as a constant is otherwise the file's own.
struct RewardRuleRecord {
  const char* type;  // as recipes name it
  const char* text;  // one line for people
  std::unique_ptr<RewardRule> (*make)(const RewardConfig&);
  std::vector<SettingInfo> (*options)();
};

/// The settings of a rule's own struct, with their defaults.
template <class Options>
std::vector<SettingInfo> options_of() {
  return list_settings(Options{});
}

}  // namespace gradus::rewards
