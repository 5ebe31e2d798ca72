#pragma once

#include <memory>
#include <string>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// The attention of a layer, of the kind that the config gives it.
/// @param prefix  of the checkpoint's names, e.g. "model.layers.0.".
std::unique_ptr<AttentionBlock> make_attention(const ModelConfig& config, int layer,
                                               const std::string& prefix, WeightBuilder& builder);

/// Shape of a layer's keys and values where every head has its own, for plans and caches; latent
/// attention's in the expanded form.
AttentionArgs attention_args(const ModelConfig& config, int layer);

}  // namespace gradus::policy
