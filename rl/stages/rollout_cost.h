#pragma once

#include <cstdint>
#include <vector>

#include "policy/formats/model_config.h"
#include "rl/collect/group.h"
#include "rl/learn/metrics.h"
#include "rollout/rollout_request.h"

namespace gradus::rl {

/// FLOPs of sampling the groups: each prompt once, each completion after it.
double rollout_flops(const policy::ModelConfig& model, const std::vector<Group>& groups);

/// Tokens of prompts and completions, counted from the records, not by the engine, which computes
/// some prompts more than once.
int64_t num_tokens(const std::vector<Group>& groups);

/// "time/rollout", "perf/tokens_per_s" and the sampler's other figures.
void add_rollout_metrics(const rollout::RolloutStats& stats, double seconds, double flops,
                         Metrics& metrics);

}  // namespace gradus::rl
