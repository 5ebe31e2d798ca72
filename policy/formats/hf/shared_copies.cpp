#include "policy/formats/hf/shared_copies.h"

#include <fmt/format.h>

namespace gradus::policy {

std::vector<SharedCopy> shared_copies(const ModelConfig& config) {
  const std::string embedding = "model.embed_tokens.weight";
  const std::string head = config.tie_word_embeddings ? embedding : "lm_head.weight";
  std::vector<SharedCopy> copies;
  for (int64_t k = 0; k < config.num_mtp_layers; ++k) {
    const std::string prefix = fmt::format("model.layers.{}.", config.num_layers + k);
    const std::string module = prefix + "eh_proj.weight";
    copies.push_back({prefix + "embed_tokens.weight", embedding, module});
    copies.push_back({prefix + "shared_head.head.weight", head, module});
  }
  return copies;
}

}  // namespace gradus::policy
