#include "policy/model/layers/attention.h"

#include "policy/model/layers/grouped_query_attention.h"
#include "policy/model/layers/latent_attention.h"

namespace gradus::policy {
namespace {

bool is_latent(const ModelConfig& config, int layer) {
  return config.layers[static_cast<size_t>(layer)].attention == AttentionKind::latent;
}

}  // namespace

std::unique_ptr<AttentionBlock> make_attention(const ModelConfig& config, int layer,
                                               WeightBuilder& builder) {
  return is_latent(config, layer) ? make_latent_attention(config, layer, builder)
                                  : make_grouped_query_attention(config, layer, builder);
}

AttentionArgs attention_args(const ModelConfig& config, int layer) {
  return is_latent(config, layer) ? expanded_latent_args(config, layer)
                                  : grouped_query_args(config, layer);
}

}  // namespace gradus::policy
