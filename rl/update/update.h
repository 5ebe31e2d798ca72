#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "policy/policy.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/collect/group.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/learn/update_result.h"

namespace gradus::rl {

/// What a KL term compares with.
struct Reference {
  /// Frozen weights; null: the base model below the policy's adapters.
  Reference(const policy::Policy* frozen = nullptr)  // NOLINT(google-explicit-constructor): is one
      : policy(frozen) {}
  /// The policy with other values of its own parameters (in their order), which outlive the update.
  explicit Reference(const std::vector<at::Tensor>& values) : parameters(&values) {}

  const policy::Policy* policy = nullptr;
  const std::vector<at::Tensor>* parameters = nullptr;
};

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
/// step: weights, moments and policy version stay. So is a minibatch in which no gradient can
/// differ from 0 (all advantages 0, no KL term, no entropy bonus): its figures are computed,
/// `grad_norm` is 0, and `skipped_steps/empty` counts it.
///
/// @param reference  for the KL term; none when kl_coef is 0, or with adapters (the base below them
///                   is used).
/// @throws Stopped   as train_on; weights may then have to be brought back (WeightKeeper).
/// @throws gradus::ArgumentError  temperature 0, a KL term without reference, groups whose records
///                   contradict each other (their prompt's id is named).
/// @throws gradus::ConfigError    as `check(config)`.
UpdateResult update_policy(policy::Policy& policy, Reference reference, Optimizer& optimizer,
                           const std::vector<Group>& groups, const AlgorithmConfig& config,
                           double learning_rate, double temperature, uint64_t seed, uint64_t step,
                           ThreadTeam& team, const StepEnvironment& environment = {});

}  // namespace gradus::rl
