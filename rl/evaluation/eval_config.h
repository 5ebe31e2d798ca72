#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/reward_config.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rl {

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

  bool has_data() const { return !data.path.empty() || !data.task.empty(); }
};

void describe(EvalConfig& c, SettingFields& field);

}  // namespace gradus::rl
