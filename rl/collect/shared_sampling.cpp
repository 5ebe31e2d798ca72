#include "rl/collect/shared_sampling.h"

#include <algorithm>
#include <string>
#include <utility>

#include "rl/collect/grading.h"
#include "rl/collect/group_bytes.h"
#include "rl/parallel/bytes.h"
#include "rl/parallel/gather.h"

namespace gradus::rl {
namespace {

using Requests = std::vector<rollout::RolloutRequest>;

bool is_one(const SamplingTools& tools) {
  return tools.ranks == nullptr || tools.ranks->size() == 1;
}

/// Of this process. Where it was stopped the groups are of no use.
SampledBatch sample_own(Requests requests, const SamplingTools& tools, const SamplingHooks& hooks) {
  SampledBatch batch;
  double begin = tools.clock.now_s();
  const auto on_done = [&](const rollout::Rollout&) {
    if (hooks.on_answer) hooks.on_answer();
  };
  auto rollouts = tools.pool.run(std::move(requests), tools.stop, on_done);
  if (hooks.check) hooks.check(rollouts);
  batch.stats = tools.pool.last_stats();
  batch.sample_s = tools.clock.now_s() - begin;
  if (tools.stop.stop_requested()) return batch;
  if (hooks.on_grading) hooks.on_grading();
  begin = tools.clock.now_s();
  batch.groups = grade_rollouts(std::move(rollouts), tools.rules, tools.num_threads, tools.stop);
  batch.counts = tools.rules.take_counts();
  batch.grade_s = tools.clock.now_s() - begin;
  return batch;
}

void write_stats(const rollout::RolloutStats& stats, ByteWriter& out) {
  for (const int64_t count :
       {stats.prompt_tokens, stats.completion_tokens, stats.recomputed_tokens, stats.preemptions,
        stats.drafted_tokens, stats.accepted_drafts, stats.sequence_steps, stats.decode_calls,
        stats.failed_calls, stats.failed, stats.aborted, stats.peak_blocks})
    out.number(count);
  out.text(stats.failure);
  out.number(stats.seconds);
  out.number(stats.slowest_completion_s);
}

rollout::RolloutStats read_stats(ByteReader& in) {
  rollout::RolloutStats stats;
  for (int64_t* count : {&stats.prompt_tokens, &stats.completion_tokens, &stats.recomputed_tokens,
                         &stats.preemptions, &stats.drafted_tokens, &stats.accepted_drafts,
                         &stats.sequence_steps, &stats.decode_calls, &stats.failed_calls,
                         &stats.failed, &stats.aborted, &stats.peak_blocks})
    *count = in.number<int64_t>();
  stats.failure = in.text();
  stats.seconds = in.number<double>();
  stats.slowest_completion_s = in.number<double>();
  return stats;
}

void write_counts(const std::vector<rewards::RuleCounts>& counts, ByteWriter& out) {
  out.number(counts.size());
  for (const auto& count : counts) {
    out.text(count.name);
    for (const int64_t n : {count.scored, count.skipped, count.failed, count.timed_out})
      out.number(n);
    out.text(count.first_reason);
    out.number(count.seconds);
  }
}

std::vector<rewards::RuleCounts> read_counts(ByteReader& in) {
  std::vector<rewards::RuleCounts> counts(in.number<size_t>());
  for (auto& count : counts) {
    count.name = in.text();
    for (int64_t* n : {&count.scored, &count.skipped, &count.failed, &count.timed_out})
      *n = in.number<int64_t>();
    count.first_reason = in.text();
    count.seconds = in.number<double>();
  }
  return counts;
}

void add_counts_of(const std::vector<rewards::RuleCounts>& part,
                   std::vector<rewards::RuleCounts>& sum) {
  if (sum.empty()) {
    sum = part;
    return;
  }
  for (size_t rule = 0; rule < std::min(part.size(), sum.size()); ++rule) {
    sum[rule].scored += part[rule].scored;
    sum[rule].skipped += part[rule].skipped;
    sum[rule].failed += part[rule].failed;
    sum[rule].timed_out += part[rule].timed_out;
    sum[rule].seconds += part[rule].seconds;
    if (sum[rule].first_reason.empty()) sum[rule].first_reason = part[rule].first_reason;
  }
}

/// Ranks work side by side.
void join(SampledBatch& sum, const SampledBatch& part) {
  add_counts(sum.stats, part.stats);
  sum.stats.peak_blocks += part.stats.peak_blocks;
  sum.stats.seconds = std::max(sum.stats.seconds, part.stats.seconds);
  add_counts_of(part.counts, sum.counts);
  sum.sample_s = std::max(sum.sample_s, part.sample_s);
  sum.grade_s = std::max(sum.grade_s, part.grade_s);
}

std::string bytes_of(const SampledBatch& own, bool is_stopped) {
  ByteWriter out;
  out.number(is_stopped);
  if (is_stopped) return out.take();
  write_stats(own.stats, out);
  write_counts(own.counts, out);
  out.number(own.sample_s);
  out.number(own.grade_s);
  for (const Group& group : own.groups) write(group, out);
  return out.take();
}

/// The groups of one rank go to their places.
SampledBatch read_batch(ByteReader& in, int rank, const SamplingTools& tools, Requests& requests,
                        std::vector<Group>& groups) {
  SampledBatch part;
  part.stats = read_stats(in);
  part.counts = read_counts(in);
  part.sample_s = in.number<double>();
  part.grade_s = in.number<double>();
  const auto R = static_cast<size_t>(tools.ranks->size());
  for (size_t i = static_cast<size_t>(rank); i < requests.size(); i += R) {
    groups[i].prompt = std::move(requests[i].prompt);
    groups[i].terms = tools.rules.terms();
    read(groups[i], in);
  }
  return part;
}

}  // namespace

std::optional<SampledBatch> sample_and_grade(Requests requests, const SamplingTools& tools,
                                             const SamplingHooks& hooks) {
  if (is_one(tools)) {
    auto batch = sample_own(std::move(requests), tools, hooks);
    if (tools.stop.stop_requested()) return std::nullopt;
    return batch;
  }
  const auto R = static_cast<size_t>(tools.ranks->size());
  Requests own_requests;
  for (auto i = static_cast<size_t>(tools.ranks->rank()); i < requests.size(); i += R)
    own_requests.push_back(requests[i]);
  const SampledBatch own = sample_own(std::move(own_requests), tools, hooks);
  const auto texts = gather_texts(*tools.ranks, bytes_of(own, tools.stop.stop_requested()));
  std::vector<ByteReader> parts(texts.begin(), texts.end());
  bool is_stopped = false;
  for (auto& part : parts) is_stopped = part.number<bool>() || is_stopped;
  if (is_stopped) return std::nullopt;
  SampledBatch all;
  all.groups.resize(requests.size());
  for (size_t r = 0; r < R; ++r)
    join(all, read_batch(parts[r], static_cast<int>(r), tools, requests, all.groups));
  return all;
}

}  // namespace gradus::rl
