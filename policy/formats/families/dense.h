#pragma once

#include "policy/formats/families/family.h"

namespace gradus::policy {

/// What the dense families share: sizes, grouped-query attention and SwiGLU.
/// @param default_head_dim  where config.json has none; 0: hidden_size / num_attention_heads.
/// @param default_theta     of rope, where config.json has none.
void read_dense_config(const ConfigFields& fields, ModelConfig& config,
                       int64_t default_head_dim = 0, double default_theta = 10000.0);

/// use_sliding_window, sliding_window and layer_types or max_window_layers, as Qwen spells them.
void read_qwen_windows(const ConfigFields& fields, ModelConfig& config);

/// hidden_act.
void read_activation(const ConfigFields& fields, ModelConfig& config);

}  // namespace gradus::policy
