#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/settings/setting.h"

namespace gradus::rewards {

/// One [[rewards]] table of a recipe; keys beside these are the options of the rule.
struct RewardConfig {
  std::string type;
  std::string name;
  double weight = 1.0;
  std::optional<double> min;
  std::optional<double> max;
  std::optional<double> gate;
  std::vector<std::string> sources;
  nlohmann::json options = nlohmann::json::object();
  std::string where;  // "recipe.toml:12: rewards[0]", for errors

  std::string display_name() const { return name.empty() ? type : name; }
};

template <class Field>
void describe(RewardConfig& c, Field&& field) {
  field.location(c.where);
  field("type", c.type, non_empty(), "rule: see `gradus rewards list`");
  field("name", c.name, any(), "in metrics and records; empty: the type");
  field("weight", c.weight, any(), "factor in the completion's reward; 0: measured only");
  field("min", c.min, any(), "a lower value of the rule counts as this");
  field("max", c.max, any(), "a higher value of the rule counts as this");
  field("gate", c.gate, any(),
        "the rules below this one pay only where its value is at least this; else they pay 0");
  field("sources", c.sources, any(),
        "grades the rows alone whose column `source` is one of these; empty: all rows");
  field.rest(c.options, "options of the rule");
}

/// Where errors about this rule's options begin.
inline std::string source_of(const RewardConfig& config) {
  return config.where.empty() ? "rewards." + config.display_name() : config.where;
}

/// The settings that every rule has.
std::vector<SettingInfo> common_reward_settings();

/// @throws ConfigError  a key of the table is neither one of `options` nor a common setting; names
/// the nearest of both.
void refuse_unknown_options(const RewardConfig& config, const std::vector<SettingInfo>& options);

/// A rule's options from its table. @throws ConfigError  unknown, of the wrong type, out of range.
template <class Options>
Options read_options(const RewardConfig& config) {
  Options options;
  refuse_unknown_options(config, list_settings(options));
  read_settings_json(options, config.options, source_of(config));
  check_settings(options, source_of(config));
  return options;
}

}  // namespace gradus::rewards
