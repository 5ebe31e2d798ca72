#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "policy/formats/model_config.h"
#include "rl/recipe/run_config.h"

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

/// Peak memory that a recipe will ask for, by part, in bytes.
struct MemoryEstimate {
  std::vector<std::pair<std::string, int64_t>>
      parts;  ///< with the words of `gradus train --dry-run`
  int64_t total() const;
};

MemoryEstimate estimate_memory(const policy::ModelConfig& config, const RunConfig& recipe);

/// What one step of a recipe computes at most (all completions at full length).
struct StepCost {
  int64_t rollout_tokens = 0;
  int64_t trained_tokens = 0;
  double rollout_flops = 0.0;
  double train_flops = 0.0;
};

/// @param prompt_tokens  typical length of a prompt.
StepCost estimate_step(const policy::ModelConfig& config, const RunConfig& recipe,
                       int64_t prompt_tokens);

}  // namespace gradus::rl
