#pragma once

#include <cstdint>

#include "policy/formats/model_config.h"

namespace gradus::rl {

/// How a model's weights are held for compute.
enum class WeightPrecision { float32, bfloat16, fp8 };

/// What a model takes in memory, from its config alone, in bytes per device. Weights, gradients and
/// moments are split evenly over the devices (parameters of prediction modules included); the cache
/// is that of the sequences which one device decodes.
struct ModelMemory {
  int64_t num_devices = 1;
  int64_t weights = 0;         ///< at the chosen precision; FP8 with its scales, the rest BF16
  int64_t master_weights = 0;  ///< float32 copies for the optimizer, beside weights of less
  int64_t gradients = 0;       ///< float32
  int64_t adamw = 0;           ///< moments in float32
  int64_t adamw_8bit = 0;      ///< moments in 8 bits

  int64_t cache_per_token = 0;             ///< BF16, or float32 beside float32 weights
  int64_t multi_head_cache_per_token = 0;  ///< the same, had every head its own keys and values
  int64_t cache_at_full_context = 0;       ///< one sequence of max_position_embeddings

  int64_t inference() const { return weights + cache_at_full_context; }
  /// With AdamW's moments in float32; activations come on top.
  int64_t training() const { return weights + master_weights + gradients + adamw; }
};

/// @param num_devices  at least 1.
ModelMemory model_memory(const policy::ModelConfig& config, WeightPrecision precision,
                         int64_t num_devices);

}  // namespace gradus::rl
