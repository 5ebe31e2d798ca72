#include "rl/stages/sampling_stage.h"

namespace gradus::rl {
namespace {

double share_of(double part, double whole) {
  return whole > 0.0 ? part / whole : 0.0;
}

}  // namespace

CollectSettings collect_settings(const RunConfig& config, int group_size, int num_groups) {
  CollectSettings settings;
  settings.data = config.data;
  settings.rollout = config.rollout;
  settings.rewards = config.rewards;
  settings.max_failed_share = config.rewards_limits.max_failed_share;
  settings.seed = config.run.seed;
  settings.group_size = group_size;
  settings.num_groups = num_groups;
  return settings;
}

double rollout_flops(const WorkModel& work, const std::vector<Group>& groups) {
  double flops = 0.0;
  for (const Group& group : groups) {
    std::vector<int64_t> lengths;
    for (const auto& completion : group.completions)
      lengths.push_back(std::ssize(completion.tokens));
    flops += work.rollout(std::ssize(group.prompt.tokens), lengths);
  }
  return flops;
}

int64_t num_completion_tokens(const std::vector<Group>& groups) {
  size_t sum = 0;
  for (const Group& group : groups)
    for (const auto& completion : group.completions) sum += completion.tokens.size();
  return static_cast<int64_t>(sum);
}

int64_t num_tokens(const std::vector<Group>& groups) {
  size_t sum = 0;
  for (const Group& group : groups) {
    sum += group.prompt.tokens.size();
    for (const auto& completion : group.completions) sum += completion.tokens.size();
  }
  return static_cast<int64_t>(sum);
}

void add_rollout_metrics(const rollout::RolloutStats& stats, double seconds, double flops,
                         Metrics& metrics) {
  metrics["time/rollout"] = seconds;
  metrics["time/slowest_completion"] = stats.slowest_completion_s;
  metrics["perf/tokens_per_s"] = share_of(static_cast<double>(stats.completion_tokens), seconds);
  metrics["perf/rollout_gflops"] = share_of(flops / 1e9, seconds);
  metrics["perf/preemptions"] = static_cast<double>(stats.preemptions);
  metrics["perf/recomputed_tokens"] = static_cast<double>(stats.recomputed_tokens);
  if (stats.drafted_tokens > 0) {
    metrics["rollout/draft_acceptance"] = share_of(static_cast<double>(stats.accepted_drafts),
                                                   static_cast<double>(stats.drafted_tokens));
    metrics["rollout/tokens_per_step"] = share_of(static_cast<double>(stats.completion_tokens),
                                                  static_cast<double>(stats.sequence_steps));
  }
  metrics["perf/decode_calls"] = static_cast<double>(stats.decode_calls);
  metrics["perf/failed_decode_calls"] = static_cast<double>(stats.failed_calls);
  metrics["perf/peak_kv_blocks"] = static_cast<double>(stats.peak_blocks);
}

}  // namespace gradus::rl
