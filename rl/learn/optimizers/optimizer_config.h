#pragma once

#include <cstdint>
#include <string>

#include "base/settings/setting.h"

namespace gradus::rl {

enum class Schedule { constant, linear, cosine };

/// Settings `optim.*`.
struct OptimizerConfig {
  std::string kind = "adamw";
  double lr = 1e-6;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 1.0;
  Schedule schedule = Schedule::constant;
  int64_t warmup_steps = 0;
  double min_lr_ratio = 0.0;
  int max_skipped_steps = 3;
};

void describe(OptimizerConfig& c, SettingFields& field);

/// What no single field can say: an unknown kind, decays at which nothing would be learned.
/// @throws ConfigError  naming the setting.
void check(const OptimizerConfig& config);

}  // namespace gradus::rl
