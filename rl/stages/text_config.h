#pragma once

#include <cstdint>
#include <string>

#include "base/settings/setting.h"
#include "rl/learn/mixture_training.h"

namespace gradus::rl {

/// Settings `text.*`: supervised fine-tuning and pre-training.
struct TextConfig {
  std::string path;       ///< pre-training's texts
  std::string eval_path;  ///< held out; empty: no loss is evaluated
  int64_t count = 0;      ///< rows of `path`; 0: all, up to a bound
  std::string response;   ///< column of `data`; empty: response, completion or answer
  int64_t sequence_length = 512;
  int64_t batch_tokens = 8192;
  int64_t microbatch_tokens = 8192;
  double mtp_weight = 0.3;  ///< 0: prediction modules stay as they are
  MixtureConfig moe;
};

void describe(TextConfig& c, SettingFields& field);

}  // namespace gradus::rl
