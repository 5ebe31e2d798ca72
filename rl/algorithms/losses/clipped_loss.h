#pragma once

#include <ATen/core/Tensor.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

/// PPO's clipped loss of a given ratio [S], of tokens or of sequences; see grpo_loss.
LossTerms clipped_loss(const at::Tensor& ratio_S, const at::Tensor& advantages_S,
                       const AlgorithmConfig& config);

/// The same with the ratio of each token, as rl.loss = "grpo" has it.
LossTerms clipped_token_loss(const LossInputs& in, const AlgorithmConfig& config);

}  // namespace gradus::rl
