#pragma once

#include <span>
#include <vector>

#include "rl/algorithms/algorithm_config.h"

namespace gradus::rl {

/// What a KL term in the reward takes from each token of a completion: rl.kl_coef times the
/// estimate, from logprobs at the start of the update.
std::vector<double> kl_penalties(std::span<const double> old_logprobs,
                                 std::span<const double> reference_logprobs,
                                 const AlgorithmConfig& config);

/// Rewards of a completion's tokens: the completion's at its last live token, less each live
/// token's penalty; 0 at the others.
/// @param penalties  [tokens], or empty: none.  @param is_live  [tokens], or empty: all are.
std::vector<double> token_rewards(double reward, std::span<const double> penalties,
                                  const std::vector<uint8_t>& is_live, size_t num_tokens);

}  // namespace gradus::rl
