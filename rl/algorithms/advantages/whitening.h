#pragma once

#include <string>
#include <vector>

#include "base/settings/setting.h"
#include "rl/collect/group.h"

namespace gradus::rl {

/// How a batch's token values are whitened: (x - mean) / sqrt(var + 1e-8) with the sample variance
/// (unbiased; verl), or / sqrt(max(var, 1e-8)) with 1/n (biased; OpenRLHF).
struct WhiteningSettings {
  std::string variance = "unbiased";
};

void describe(WhiteningSettings& c, SettingFields& field);

/// Whitens values [group][completion][token] over live tokens of trainable completions; others
/// become 0.
using TokenValues = std::vector<std::vector<std::vector<double>>>;
TokenValues whitened(const std::vector<Group>& groups, const TokenValues& values,
                     const WhiteningSettings& settings);

}  // namespace gradus::rl
