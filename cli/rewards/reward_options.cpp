#include "cli/rewards/reward_options.h"

#include "base/error.h"
#include "rewards/rule_text.h"
#include "rl/recipe/load.h"

namespace gradus::cli {

void add_reward_options(Command app, RewardOptions& options) {
  app.add_option("--rule", options.rules,
                 "rule as TYPE[:key=value,...], e.g. accuracy:extract=boxed or "
                 "python:file=rewards.py:score; may be given several times")
      .one_each();
  app.add_option("--recipe", options.recipe, "recipe whose [[rewards]] grade instead");
  app.add_option("--set", options.settings,
                 "change a setting of the recipe, e.g. rewards[0].weight=0.5");
}

std::vector<rewards::RewardConfig> reward_configs(const RewardOptions& options) {
  if (options.rules.empty() == options.recipe.empty()) {
    throw ArgumentError("give either --rule (one or more) or --recipe");
  }
  if (!options.recipe.empty()) {
    return rl::load_run_config(options.recipe, options.settings).rewards;
  }
  if (!options.settings.empty()) throw ArgumentError("--set: changes a recipe; give --recipe");
  std::vector<rewards::RewardConfig> configs;
  for (const auto& rule : options.rules) configs.push_back(rewards::parse_rule(rule));
  return configs;
}

}  // namespace gradus::cli
