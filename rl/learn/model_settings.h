#pragma once

#include <string>

#include "base/settings/setting.h"
#include "policy/policy.h"

namespace gradus::rl {

/// Settings `model.*`: a checkpoint, or the two files from which a fresh model is made.
struct ModelSettings : policy::PolicyConfig {
  std::string config;     ///< config.json of a fresh model; empty: `path` names a checkpoint
  std::string tokenizer;  ///< of a fresh model; empty: that of `path`

  bool is_fresh() const { return path.empty(); }
};

void describe(ModelSettings& c, SettingFields& field);

/// A model that is given twice, or not at all.
/// @param source  begins the errors. @throws ConfigError  naming the setting.
void check(const ModelSettings& model, const std::string& source);

}  // namespace gradus::rl
