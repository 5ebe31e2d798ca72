#pragma once

#include <memory>
#include <string>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// The feed-forward half of a layer, of the kind that the config gives it.
/// @param prefix  of the checkpoint's names, e.g. "model.layers.0.".
std::unique_ptr<FeedForwardBlock> make_feed_forward(const ModelConfig& config, int layer,
                                                    const std::string& prefix,
                                                    WeightBuilder& builder);

}  // namespace gradus::policy
