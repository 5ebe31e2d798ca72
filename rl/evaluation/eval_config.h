#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/reward_config.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rl {

/// Settings of one of `[[eval.sets]]`: further held-out problems. What is not given is as in
/// `eval.*`.
struct EvalSet {
  std::string name;  ///< of its figures: eval/NAME/accuracy
  rollout::DataConfig data;
  std::optional<uint64_t> seed;
  std::optional<int> samples;
  std::optional<double> temperature;
  std::optional<int> max_tokens;
  std::optional<std::string> answer_rule;
  std::optional<double> right_from;
  std::vector<rewards::RewardConfig> rewards;
};

void describe(EvalSet& c, SettingFields& field);

/// Settings `eval.*`.
struct EvalConfig {
  rollout::DataConfig data;  ///< neither path nor task: no evaluation by sampling
  uint64_t seed = 0;         ///< of a generated task's problems
  int samples = 1;
  double temperature = 0.0;
  int max_tokens = 0;       ///< 0: rollout.max_tokens
  std::string answer_rule;  ///< empty: the first rule
  double right_from = 1.0;
  std::vector<rewards::RewardConfig> rewards;  ///< empty: those of training
  std::vector<EvalSet> sets;

  bool has_data() const { return !data.path.empty() || !data.task.empty(); }
  /// Whether anything is evaluated by sampling.
  bool has_problems() const { return has_data() || !sets.empty(); }
};

void describe(EvalConfig& c, SettingFields& field);

}  // namespace gradus::rl
