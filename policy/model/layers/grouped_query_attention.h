#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// Grouped-query attention (Ainslie et al., arXiv:2305.13245) of llama, qwen2 and qwen3, with
/// biases, norms of each head's query and key, and sliding windows as the config says.
std::unique_ptr<AttentionBlock> make_grouped_query_attention(const ModelConfig& config, int layer,
                                                             WeightBuilder& builder);

/// Shape of the attention of a layer, for plans and caches.
AttentionArgs grouped_query_args(const ModelConfig& config, int layer);

}  // namespace gradus::policy
