#include "policy/batch/kv_shape.h"

#include "policy/formats/model_config.h"

namespace gradus::policy {

KvShape kv_shape(const ModelConfig& config, int64_t layer) {
  if (config.layers[static_cast<size_t>(layer)].attention != AttentionKind::latent) {
    const int width = static_cast<int>(config.head_dim);
    return {static_cast<int>(config.num_kv_heads), width, width};
  }
  const LatentConfig& latent = config.latent;
  const int64_t query_dim = latent.nope_dim + latent.rope_dim;
  return {static_cast<int>(config.num_heads), static_cast<int>((query_dim + 1) / 2 * 2),
          static_cast<int>(latent.value_dim)};
}

}  // namespace gradus::policy
