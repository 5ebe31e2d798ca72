#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// The feed-forward half of a layer, of the kind that the config gives it.
std::unique_ptr<FeedForwardBlock> make_feed_forward(const ModelConfig& config, int layer,
                                                    WeightBuilder& builder);

}  // namespace gradus::policy
