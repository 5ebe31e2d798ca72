#pragma once

#include <string>
#include <vector>

#include "cli/arguments.h"
#include "rewards/reward_config.h"

namespace gradus::cli {

/// Which rules a command grades with: `--rule` (several), or those of `--recipe`.
struct RewardOptions {
  std::vector<std::string> rules;
  std::string recipe;
  std::vector<std::string> settings;

  bool has_any() const { return !rules.empty() || !recipe.empty(); }
};

void add_reward_options(Command app, RewardOptions& options);

/// @throws ArgumentError  none or both are given; ConfigError, FileError  of the recipe or a rule.
std::vector<rewards::RewardConfig> reward_configs(const RewardOptions& options);

}  // namespace gradus::cli
