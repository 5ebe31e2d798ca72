#include "rewards/reward_config.h"

#include <algorithm>

#include "base/error.h"
#include "base/printable.h"
#include "base/settings/nearest_name.h"

namespace gradus::rewards {
namespace {

// A section's settings are listed as "python.timeout_s"; its key in the table is "python".
void add_keys(const std::vector<SettingInfo>& settings, std::vector<std::string>& keys) {
  for (const SettingInfo& setting : settings) {
    const std::string key = setting.key.substr(0, setting.key.find_first_of(".["));
    const bool is_known = std::find(keys.begin(), keys.end(), key) != keys.end();
    if (!key.empty() && !is_known) keys.push_back(key);
  }
}

}  // namespace

std::vector<SettingInfo> common_reward_settings() {
  return list_settings(RewardConfig{});
}

void refuse_unknown_options(const RewardConfig& config, const std::vector<SettingInfo>& options) {
  std::vector<std::string> known;
  add_keys(options, known);
  add_keys(common_reward_settings(), known);
  for (const auto& [key, value] : config.options.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string what =
        source_of(config) + ": " + printable(key, 200) + ": is not a setting; ";
    if (const auto nearest = nearest_name(key, known)) {
      throw ConfigError(what + "did you mean " + *nearest + "?");
    }
    std::string list;
    for (const auto& name : known) list += (list.empty() ? "" : ", ") + name;
    throw ConfigError(what + "known here: " + list);
  }
}

}  // namespace gradus::rewards
