#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// The attention of a layer, of the kind that the config gives it.
std::unique_ptr<AttentionBlock> make_attention(const ModelConfig& config, int layer,
                                               WeightBuilder& builder);

/// Shape of a layer's keys and values where every head has its own, for plans and caches; latent
/// attention's in the expanded form.
AttentionArgs attention_args(const ModelConfig& config, int layer);

}  // namespace gradus::policy
