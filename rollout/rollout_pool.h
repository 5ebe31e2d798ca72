#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "policy/policy.h"
#include "policy/tokenizer/tokenizer.h"
#include "rollout/records.h"
#include "rollout/sampling.h"

namespace gradus::rollout {

/// Settings `rollout.*` of the pool.
struct RolloutConfig {
  int workers = 1;
  int threads = 0;
  double kv_cache_mb = 512.0;
  int max_sequences = 256;
  int prefill_rows = 512;
  SamplingConfig sampling;
};

template <class Field>
void describe(RolloutConfig& c, Field&& field) {
  field("workers", c.workers, at_least(1), "rollout workers; results do not depend on it");
  field("threads", c.threads, at_least(0), "compute threads shared by all workers; 0: run.threads");
  field("kv_cache_mb", c.kv_cache_mb, positive(), "memory for keys and values, shared by all workers");
  field("max_sequences", c.max_sequences, at_least(1), "completions that decode together in one worker");
  field("prefill_rows", c.prefill_rows, at_least(1), "prompt tokens that one decode call may carry");
  describe(c.sampling, field);
}

/// One prompt to be answered `num_completions` times. The random stream of completion i is keyed by
/// (seed, step, prompt_key, i), so that results depend neither on batching nor on the workers.
struct RolloutRequest {
  Prompt prompt;
  int num_completions = 1;
  uint64_t seed = 0;
  uint64_t step = 0;
  uint64_t prompt_key = 0;
  SamplingConfig sampling;
};

/// What a batch of rollouts cost and met.
struct RolloutStats {
  int64_t prompt_tokens = 0;      ///< prefilled, shared prompts counted once
  int64_t completion_tokens = 0;
  int64_t recomputed_tokens = 0;  ///< after preemption
  int64_t preemptions = 0;
  int64_t decode_calls = 0;
  int64_t failed = 0;
  int64_t aborted = 0;
  int64_t peak_blocks = 0;
  double seconds = 0.0;
  double slowest_completion_s = 0.0;
};

/// Rollout workers that share one policy's weights. Each has its own engine (continuous batching
/// over its part of the KV cache) and thread team; requests reach them over a bounded queue.
class RolloutPool {
 public:
  /// @param policy, tokenizer  outlive the pool.
  RolloutPool(const policy::Policy& policy, const policy::Tokenizer& tokenizer, RolloutConfig config,
              int threads);
  ~RolloutPool();

  /// Answers all requests; results stand in the requests' order whatever the timing.
  /// @param on_done  called from worker threads after each finished request (progress); may be empty.
  std::vector<Rollout> run(std::vector<RolloutRequest> requests, std::stop_token stop = {},
                           std::function<void(const Rollout&)> on_done = {});

  const RolloutStats& last_stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradus::rollout
