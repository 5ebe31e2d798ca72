#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/formats/expected_tensors.h"

namespace gradus::policy {

struct ModelConfig;
struct LayerTensor;

/// Before a layer's number in the names of its tensors.
inline constexpr std::string_view kLayersPrefix = "model.layers.";

/// "model.layers.0."
std::string layer_prefix(int64_t layer);

/// The checkpoint's name of a tensor outside the layers, "model.embed_tokens.weight", or of a
/// layer's behind its prefix.
std::string tensor_name(const ModelConfig& config, TensorRole role);
/// Of a layer's tensor: "model.layers.0.self_attn.q_proj.weight". @param expert  -1: of none.
std::string tensor_name(const LayerTensor& tensor, int64_t layer, int64_t expert = -1);

}  // namespace gradus::policy
