#pragma once

#include <cstdint>
#include <string>

#include "base/settings/setting.h"
#include "rl/algorithms/preference/preference.h"
#include "rl/learn/mixture_training.h"

namespace gradus::rl {

/// What the stages that train on pairs of answers have in common.
struct PairBatchConfig {
  std::string eval_path;  ///< held-out pairs; empty: none are evaluated
  int batch_pairs = 32;
  int64_t microbatch_tokens = 8192;
  MixtureConfig moe;
};

void describe(PairBatchConfig& c, SettingFields& field);

/// Settings `preference.*`: training on pairs of answers (the DPO family).
struct PreferenceConfig : PairBatchConfig, PreferenceLossConfig {};

void describe(PreferenceConfig& c, SettingFields& field);

/// Settings `reward_model.*`: a scalar head that says which of two answers is better.
struct RewardModelConfig : PairBatchConfig {
  double center_coef = 0.0;
};

void describe(RewardModelConfig& c, SettingFields& field);

}  // namespace gradus::rl
