#pragma once

#include <string>
#include <vector>

#include "policy/formats/model_config.h"

namespace gradus::policy {

/// The embedding and head once more, as DeepSeek-V3's checkpoints hold them for each multi-token
/// prediction module. They are never read; checkpoints may lack them.
struct SharedCopy {
  std::string name;      // model.layers.61.embed_tokens.weight
  std::string original;  // model.embed_tokens.weight
  std::string module;    // a tensor that every module has: model.layers.61.eh_proj.weight
};

std::vector<SharedCopy> shared_copies(const ModelConfig& config);

}  // namespace gradus::policy
