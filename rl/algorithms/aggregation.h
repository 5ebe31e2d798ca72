#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "rl/algorithms/algorithm_config.h"

namespace gradus::rl {

/// What a minibatch's losses are divided by; counted over the whole minibatch before its first
/// forward, so that the split into microbatches does not change the objective.
struct Denominators {
  int64_t num_sequences = 0;  ///< N: completions with at least one live token
  int64_t num_tokens = 0;     ///< T: live tokens
  int64_t num_prompts = 0;    ///< P: prompts with at least one live token
};

/// @param live_tokens  [sequence] tokens of each completion that count in the loss.
Denominators count_denominators(std::span<const int64_t> live_tokens);

/// Live tokens around one live token; each at least 1.
struct TokenPlace {
  int64_t sequence_tokens = 0;  ///< n_i: of its own completion
  int64_t prompt_tokens = 0;    ///< of its prompt's completions together; read for prompt_mean
};

/// The factor of one live token's loss: the minibatch's loss is sum_t weight_t L_t.
///
///   token_mean              1 / T                  (DAPO, arXiv:2503.14476)
///   sequence_mean           1 / (N n_i)            (GRPO, arXiv:2402.03300)
///   sequence_mean_constant  1 / (N constant_length)  (Dr. GRPO, arXiv:2503.20783)
///   sequence_sum            1 / N
///   token_sum               1
///   prompt_mean             1 / (P prompt_tokens)  (SkyRL)
///
/// A completion without live tokens (masked as truncated) is in neither N nor T, as in verl; TRL
/// counts it in N.
double token_weight(Aggregation aggregation, const Denominators& denominators, TokenPlace place,
                    int constant_length);

}  // namespace gradus::rl
