#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// down(act(gate x) * up x) (Shazeer, arXiv:2002.05202): SwiGLU, or GeGLU by the config's
/// activation; after the layer's second norm where the model has it.
std::unique_ptr<FeedForwardBlock> make_swiglu(const ModelConfig& config, int layer,
                                              WeightBuilder& builder);

}  // namespace gradus::policy
