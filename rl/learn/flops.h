#pragma once

#include <cstdint>

#include "policy/formats/model_config.h"

namespace gradus::rl {

/// Floating-point operations of one token's forward pass at `place` (tokens before it):
///
///   2 * multiplied + sum over layers of 2 * heads * (key_dim + value_dim) * (place + 1)
///
/// where `multiplied` is ParameterCount's and a sliding window bounds place + 1. Latent attention
/// counts in its expanded form (key_dim = nope_dim + rope_dim), in which it is trained. Norms,
/// softmax, rotary embeddings and prediction modules are left out, as in DeepSeek-V3's and PaLM's
/// counts.
double forward_flops(const policy::ModelConfig& config, int64_t place);

/// The same for `length` tokens that start at `first`.
double forward_flops(const policy::ModelConfig& config, int64_t first, int64_t length);

/// Forward and backward: three times the forward pass; four with activation checkpointing.
double training_flops(const policy::ModelConfig& config, int64_t length, bool is_checkpointed);

}  // namespace gradus::rl
