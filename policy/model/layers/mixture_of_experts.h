#pragma once

#include <memory>

#include "policy/model/layers/layer.h"
#include "policy/weights/weight_builder.h"

namespace gradus::policy {

/// A mixture of experts after the layer's second norm (DeepSeekMoE, arXiv:2401.06066; DeepSeek-V3,
/// arXiv:2412.19437, 2.1.2; Mixtral, arXiv:2401.04088):
///
///   y = h + shared(norm(h)) + sum over chosen e of w_e expert_e(norm(h))
///
/// The shared experts are one SwiGLU. Each expert's matrices keep the checkpoint's names.
std::unique_ptr<FeedForwardBlock> make_mixture_of_experts(const ModelConfig& config, int layer,
                                                          WeightBuilder& builder);

}  // namespace gradus::policy
