#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "policy/policy.h"
#include "policy/tokenizer/tokenizer.h"
#include "rollout/engine/sampling.h"
#include "rollout/records.h"
#include "rollout/rollout_request.h"

namespace gradus::rollout {

/// Settings `rollout.*` of the pool.
struct RolloutConfig {
  int workers = 1;
  int threads = 0;
  double kv_cache_mb = 512.0;
  int max_sequences = 256;
  int prefill_rows = 512;
  bool speculative = false;
  SamplingConfig sampling;
};

template <class Field>
void describe(RolloutConfig& c, Field&& field) {
  field("workers", c.workers, at_least(1).speed_only(),
        "rollout workers; results do not depend on it: where a part of kv_cache_mb does not hold a "
        "request, fewer of them work");
  field("threads", c.threads, at_least(0).speed_only(),
        "compute threads shared by all workers; 0: run.threads");
  field("kv_cache_mb", c.kv_cache_mb, positive(),
        "memory for keys and values, shared by all workers");
  field("max_sequences", c.max_sequences, at_least(1).speed_only(),
        "completions that decode together in one worker");
  field("prefill_rows", c.prefill_rows, at_least(1).speed_only(),
        "prompt tokens that one decode call may carry");
  field("speculative", c.speculative, any().speed_only(),
        "the model's first multi-token prediction module drafts tokens, which the model verifies: "
        "the same tokens in fewer calls");
  describe(c.sampling, field);
}

/// Rollout workers that share one policy's weights. Each has its own engine (continuous batching
/// over its part of the KV cache) and thread team; requests reach them over a bounded queue.
///
/// Tokens and logprobs have the same bits for every number of workers and threads, max_sequences
/// and prefill_rows: a token depends on its own sequence and random stream alone. A request that
/// does not fit the whole cache fails as a record that says so; where one does not fit a worker's
/// part, fewer workers share it. One thread calls `run` at a time; weights are published between
/// runs.
class RolloutPool {
 public:
  /// @param policy, tokenizer  outlive the pool.
  /// @param threads  compute threads for all workers where config.threads is 0; every worker has
  ///                 at least one.
  /// @throws ConfigError  the KV cache does not hold one block; speculative without a prediction
  ///                      module. Error  the system gives fewer threads.
  RolloutPool(const policy::Policy& policy, const policy::Tokenizer& tokenizer,
              RolloutConfig config, int threads, const Clock& clock = machine_clock());
  ~RolloutPool();

  /// Answers all requests; results stand in the requests' order whatever the timing. What goes
  /// wrong with one request makes its completions failed records with the reason.
  /// @param stop     when requested, what is unfinished ends as aborted records.
  /// @param on_done  called from worker threads, one at a time, after each finished request
  ///                 (progress); must not throw; may be empty.
  /// @throws ArgumentError  a request asks for no completions. Error  the system gives fewer
  ///                        threads than there are workers; nothing was sampled.
  std::vector<Rollout> run(std::vector<RolloutRequest> requests, std::stop_token stop = {},
                           std::function<void(const Rollout&)> on_done = {});

  /// Of the last finished run.
  const RolloutStats& last_stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradus::rollout
