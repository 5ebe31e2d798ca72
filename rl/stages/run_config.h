#pragma once

#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rewards/reward_config.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/collect/reward_limits.h"
#include "rl/collect/sampling_schedule.h"
#include "rl/evaluation/eval_config.h"
#include "rl/learn/model_settings.h"
#include "rl/learn/optimizers/optimizer_config.h"
#include "rl/parallel/cluster_config.h"
#include "rl/run/ledger.h"
#include "rl/run/run_settings.h"
#include "rl/selection/sample_config.h"
#include "rl/stages/distill/distill_config.h"
#include "rl/stages/pairs/pair_config.h"
#include "rl/stages/text_config.h"
#include "rollout/prompts/prompt_source.h"
#include "rollout/rollout_pool.h"

namespace gradus::rl {

/// The settings of one stage: the whole recipe of a run.
struct RunConfig {
  RunSettings run;
  ModelSettings model;
  rollout::DataConfig data;
  rollout::RolloutConfig rollout;
  ScheduleConfig schedule;
  std::vector<rewards::RewardConfig> rewards;
  RewardLimits rewards_limits;
  AlgorithmConfig rl;
  OptimizerConfig optim;
  EvalConfig eval;
  TextConfig text;
  SampleConfig sample;
  PreferenceConfig preference;
  RewardModelConfig reward_model;
  DistillConfig distill;
  ClusterConfig cluster;
  LedgerConfig ledger;
};

/// Not a template: the recipe's long list is compiled once.
void describe(RunConfig& c, SettingFields& field);

/// What no single setting can say: a stage without its data, rewards or model.
/// @param source  begins the errors. @throws ConfigError  naming the setting.
void check(const RunConfig& config, const std::string& source);

}  // namespace gradus::rl
