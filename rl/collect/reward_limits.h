#pragma once

#include "base/settings/setting.h"

namespace gradus::rl {

/// Settings `rewards_limits.*`: when grading is too broken to train on.
struct RewardLimits {
  double max_failed_share = 0.05;
};

template <class Field>
void describe(RewardLimits& c, Field&& field) {
  field("max_failed_share", c.max_failed_share, between(0.0, 1.0).records_only(),
        "share of a step's gradings that may fail or time out before the run stops");
}

}  // namespace gradus::rl
