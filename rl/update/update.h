#pragma once

#include <cstdint>
#include <vector>

#include "policy/policy.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/collect/group.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/learn/update_result.h"

namespace gradus::rl {

/// One GRPO update of the policy from a batch of graded groups.
///
///   pack -> old logprobs (only when the batch is used more than once) -> reference logprobs
///   -> for each epoch, for each minibatch: for each microbatch forward, loss, backward;
///      clip, AdamW, publish_weights
///
/// Groups are packed whole in their order, prompts once, up to `microbatch_tokens` rows; the split
/// into microbatches changes the loss and its gradient by rounding alone, as every denominator is
/// counted over the minibatch before the first forward. Deterministic: same groups, same bits.
/// Completions that failed or were aborted are left out; groups' `advantages` must be filled.
/// A loss or gradient that is not finite, and a minibatch with nothing to train on, is a skipped
/// step: weights, moments and policy version stay.
///
/// @param reference  frozen policy for the KL term; null when kl_coef is 0, or with adapters (the
///                   base below them is used).
/// @throws gradus::ArgumentError  temperature 0, a KL term without reference, groups whose records
///                   contradict each other (their prompt's id is named).
/// @throws gradus::ConfigError    as `check(config)`.
UpdateResult update_policy(policy::Policy& policy, const policy::Policy* reference,
                           Optimizer& optimizer, const std::vector<Group>& groups,
                           const AlgorithmConfig& config, double learning_rate, double temperature,
                           uint64_t seed, uint64_t step, ThreadTeam& team,
                           const StepEnvironment& environment = {});

}  // namespace gradus::rl
