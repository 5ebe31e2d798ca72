#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/policy.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/collect/group.h"
#include "rl/learn/mixture_training.h"
#include "rl/learn/optimizers/optimizer.h"

namespace gradus::rl {

/// Figures of one update by name, e.g. "loss", "grad_norm", "clip_ratio/low_mean",
/// "sampling/logp_difference/mean", "kl"; formulas in docs/metrics.md.
using Metrics = std::map<std::string, double>;

/// What an update needs to know of time and cost.
struct UpdateCost {
  int64_t trained_tokens = 0;  ///< rows through forward and backward, shared prompts once
  int64_t scored_tokens = 0;   ///< rows through forward only (old and reference logprobs)
  double forward_backward_s = 0.0;
  double logprobs_s = 0.0;
  double optimizer_s = 0.0;
};

/// Optimizer steps that an update left out; weights, moments and policy version stayed.
struct SkippedSteps {
  int64_t num_empty = 0;       ///< nothing to train on
  int64_t num_not_finite = 0;  ///< loss or gradient: a fault of weights or settings
  std::string reason;  ///< of the first one; of the first one not finite, where there is one

  int64_t count() const { return num_empty + num_not_finite; }
};

struct UpdateResult {
  Metrics metrics;
  UpdateCost cost;
  int64_t num_steps = 0;  ///< optimizer steps taken
  SkippedSteps skipped;
  std::vector<policy::ExpertLoad> expert_loads;       ///< by mixture layer, over all steps
  std::map<std::string, std::vector<int64_t>> lists;  ///< figures of many numbers: "moe/load/3"
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
                           uint64_t seed, uint64_t step, ThreadTeam& team);

/// One row of text for supervised fine-tuning or pre-training.
struct TextExample {
  std::vector<int32_t> tokens;
  std::vector<uint8_t>
      is_target;  ///< [tokens] 1 where the token's NLL counts; the first never does
};

/// One step of next-token training on examples: loss = sum of NLL over targets / their number in
/// the whole batch. Same packing, clipping, skipping and optimizer as update_policy.
///
/// @param prediction_weight  of the loss of multi-token prediction (PredictionLoss), added where
///                           the model has modules that are trained.
/// @param mixture            how experts' load is kept even, where the model has mixtures.
/// @throws gradus::ArgumentError  an example whose two vectors differ in length.
UpdateResult update_on_text(policy::Policy& policy, Optimizer& optimizer,
                            const std::vector<TextExample>& examples, int64_t microbatch_tokens,
                            double learning_rate, ThreadTeam& team, double prediction_weight = 0.0,
                            const MixtureTraining& mixture = {});

}  // namespace gradus::rl
