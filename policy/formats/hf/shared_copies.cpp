#include "policy/formats/hf/shared_copies.h"

#include "policy/formats/families/family.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {

std::vector<SharedCopy> shared_copies(const ModelConfig& config) {
  const std::string embedding = tensor_name(config, TensorRole::embedding);
  const std::string head =
      config.tie_word_embeddings ? embedding : tensor_name(config, TensorRole::head);
  std::vector<SharedCopy> copies;
  for (int64_t k = 0; k < config.num_mtp_layers; ++k) {
    const std::string prefix = layer_prefix(config.num_layers + k);
    const std::string module = prefix + tensor_name(config, TensorRole::mtp_projection);
    copies.push_back({prefix + "embed_tokens.weight", embedding, module});
    copies.push_back({prefix + "shared_head.head.weight", head, module});
  }
  return copies;
}

}  // namespace gradus::policy
