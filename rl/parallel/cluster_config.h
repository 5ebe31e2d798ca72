#pragma once

#include <string>

#include "base/settings/setting.h"

namespace gradus::rl {

/// How leaves of a gradient become one.
enum class GradientReduction { tree, exact };

/// Settings `cluster.*`: how many processes train one policy.
struct ClusterConfig {
  int leaves = 4;
  GradientReduction reduction = GradientReduction::tree;
  int zero = 0;
  double timeout_s = 1800.0;
  double peer_timeout_s = 30.0;
  double join_timeout_s = 300.0;
  std::string interface;
};

void describe(ClusterConfig& c, SettingFields& field);

}  // namespace gradus::rl
