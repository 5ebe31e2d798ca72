#pragma once

#include <cstdint>

#include "base/settings/setting.h"
#include "rl/selection/pairs.h"
#include "rl/selection/selection_config.h"

namespace gradus::rl {

/// Settings `sample.*`: rejection sampling.
struct SampleConfig {
  int samples = 4;
  int64_t prompts_per_step = 64;
  SelectionConfig select;
  PairConfig pairs;
};

void describe(SampleConfig& c, SettingFields& field);

}  // namespace gradus::rl
