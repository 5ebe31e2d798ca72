#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// down(silu(gate x) * up x) (Shazeer, arXiv:2002.05202), after the layer's second norm.
std::unique_ptr<FeedForwardBlock> make_swiglu(const ModelConfig& config, int layer,
                                              WeightBuilder& builder);

}  // namespace gradus::policy
