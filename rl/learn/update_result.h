#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/ops/routing.h"
#include "rl/learn/metrics.h"

namespace gradus::rl {

/// What an update needs to know of time and cost.
struct UpdateCost {
  int64_t trained_tokens = 0;  ///< rows through forward and backward, shared prompts once
  int64_t scored_tokens = 0;   ///< rows through forward only (old and reference logprobs)
  double trained_flops = 0.0;  ///< forward and backward, by rl/learn/work_model.h
  double scored_flops = 0.0;
  double forward_backward_s = 0.0;
  double logprobs_s = 0.0;
  double optimizer_s = 0.0;
  double exchange_s = 0.0;  ///< with other ranks; a part of the other times
};

/// Optimizer steps that an update left out; weights, moments and policy version stayed.
struct SkippedSteps {
  int64_t num_empty = 0;       ///< nothing to train on
  int64_t num_not_finite = 0;  ///< loss or gradient: a fault of weights or settings
  std::string reason;  ///< of the first one; of the first one not finite, where there is one

  int64_t count() const { return num_empty + num_not_finite; }
};

/// What an update's forward pass saw of a completion's tokens; empty: it did not go through.
struct TokenFigures {
  std::vector<float> logprobs;   ///< [tokens] by the policy at the start of the update
  std::vector<float> entropies;  ///< [tokens] of the next token's distribution, nats
};

struct UpdateResult {
  Metrics metrics;
  UpdateCost cost;
  int64_t num_steps = 0;  ///< optimizer steps taken
  SkippedSteps skipped;
  std::vector<policy::ExpertLoad> expert_loads;       ///< by mixture layer, over all steps
  std::map<std::string, std::vector<int64_t>> lists;  ///< figures of many numbers: "moe/load/3"
  /// [group][completion] of the first StepEnvironment::noted_groups that were trained on.
  std::vector<std::vector<TokenFigures>> tokens;
};

}  // namespace gradus::rl
