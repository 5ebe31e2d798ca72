#include "cli/rewards/reward_options.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "rewards/rule_text.h"
#include "rl/recipe/load.h"
#include "rl/stages/run_config.h"

namespace gradus::cli {
namespace {

/// Whether a recipe has tables of rules and nothing else: grading needs no model, no data.
bool holds_rules_alone(const std::string& toml) {
  bool has_rules = false;
  for (size_t at = 0; at < toml.size();) {
    const size_t end = std::min(toml.find('\n', at), toml.size());
    const size_t begin = toml.find_first_not_of(" \t", at);
    if (begin < end && toml[begin] == '[') {
      const bool is_rule = toml.compare(begin, 11, "[[rewards]]") == 0;
      const bool is_part =
          toml.compare(begin, 9, "[rewards.") == 0 || toml.compare(begin, 10, "[[rewards.") == 0;
      if (!is_rule && !is_part) return false;
      has_rules = true;
    } else if (begin < end && toml[begin] != '#' && !has_rules) {
      return false;
    }
    at = end + 1;
  }
  return has_rules;
}

/// The rules of a file that holds nothing else; paths as in a whole recipe.
std::vector<rewards::RewardConfig> rules_of_file(const RewardOptions& options,
                                                 const std::string& toml) {
  namespace fs = std::filesystem;
  rl::RunConfig config;
  read_settings(config, toml, options.recipe);
  rl::resolve_paths(config, fs::absolute(options.recipe).parent_path());
  for (const std::string& assignment : options.settings) apply_set(config, assignment);
  rl::resolve_paths(config, fs::current_path());
  return config.rewards;
}

}  // namespace

void add_reward_options(Command app, RewardOptions& options) {
  app.add_option("--rule", options.rules,
                 "rule as TYPE[:key=value,...], e.g. accuracy:extract=boxed or "
                 "python:file=rewards.py:score; may be given several times")
      .one_each();
  app.add_option("--recipe", options.recipe,
                 "recipe whose [[rewards]] grade instead, or a file of [[rewards]] alone");
  app.add_option("--set", options.settings,
                 "change a setting of the recipe, e.g. rewards[0].weight=0.5");
}

std::vector<rewards::RewardConfig> reward_configs(const RewardOptions& options) {
  if (options.rules.empty() == options.recipe.empty()) {
    throw ArgumentError("give either --rule (one or more) or --recipe");
  }
  if (!options.recipe.empty()) {
    constexpr int64_t kMaxBytes = int64_t{16} << 20;
    const std::string toml = read_file(options.recipe, kMaxBytes);
    if (holds_rules_alone(toml)) return rules_of_file(options, toml);
    return rl::load_run_config(options.recipe, options.settings).rewards;
  }
  if (!options.settings.empty()) throw ArgumentError("--set: changes a recipe; give --recipe");
  std::vector<rewards::RewardConfig> configs;
  for (const auto& rule : options.rules) configs.push_back(rewards::parse_rule(rule));
  return configs;
}

}  // namespace gradus::cli
