#pragma once

#include <cstdint>
#include <vector>

#include "rl/collect/collector.h"
#include "rl/collect/group.h"
#include "rl/learn/metrics.h"
#include "rl/learn/work_model.h"
#include "rl/stages/run_config.h"
#include "rollout/rollout_request.h"

namespace gradus::rl {

/// What stages that sample have in common.

/// What a recipe says of sampling and grading. @param num_groups  wanted for a step.
CollectSettings collect_settings(const RunConfig& config, int group_size, int num_groups);

/// FLOPs of sampling the groups: each prompt once, each completion after it.
double rollout_flops(const WorkModel& work, const std::vector<Group>& groups);

/// Tokens of prompts and completions, counted from the records, not by the engine, which computes
/// some prompts more than once.
int64_t num_tokens(const std::vector<Group>& groups);

/// Of completions alone.
int64_t num_completion_tokens(const std::vector<Group>& groups);

/// "time/rollout", "perf/tokens_per_s" and the sampler's other figures.
void add_rollout_metrics(const rollout::RolloutStats& stats, double seconds, double flops,
                         Metrics& metrics);

}  // namespace gradus::rl
