#pragma once

#include "policy/formats/families/family.h"

namespace gradus::policy {

/// What the dense families share: sizes, grouped-query attention and SwiGLU.
/// @param default_head_dim  where config.json has none; 0: hidden_size / num_attention_heads.
void read_dense_config(const ConfigFields& fields, ModelConfig& config,
                       int64_t default_head_dim = 0);

/// use_sliding_window, sliding_window and layer_types or max_window_layers, as Qwen spells them.
void read_qwen_windows(const ConfigFields& fields, ModelConfig& config);

void append_dense_tensors(const ModelConfig& config, std::vector<TensorSpec>& tensors);

/// Parts of it, for families with other feed-forwards.
void append_model_ends(const ModelConfig& config, std::vector<TensorSpec>& tensors);
void append_attention(const ModelConfig& config, int64_t layer, std::vector<TensorSpec>& tensors);
void append_swiglu(const ModelConfig& config, int64_t layer, std::vector<TensorSpec>& tensors);

}  // namespace gradus::policy
