#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "policy/policy.h"
#include "policy/tokenizer/tokenizer.h"
#include "rollout/job.h"
#include "rollout/rollout_request.h"
#include "rollout/scheduler.h"

namespace gradus::rollout {

struct EngineConfig {
  int max_sequences = 256;  ///< that decode together
  int prefill_rows = 512;   ///< prompt tokens of one decode call
  int64_t num_blocks = 0;   ///< of the KV cache, 16 tokens each
};

/// The blocks that a share of `rollout.kv_cache_mb` holds, and no more than could ever be used.
/// @throws ConfigError  not even one.
int64_t blocks_in_budget(const policy::Policy& policy, double megabytes, int max_sequences);

/// Continuous batching: requests come and go at any time, and each step decodes all that run
/// together.
///
///   submit ─▶ waiting ─▶ [ admit ─▶ decode ─▶ sample ─▶ finish ] each step ─▶ Finished
///
/// A request's prompt is computed once; the first tokens of its completions are drawn from that one
/// row of logits, then each completion decodes on the shared blocks. Completions end at the
/// model's own eos tokens, at stop_token_ids, at a stop string, after max_tokens, or at the
/// context's end. A request that cannot be answered comes back as failed records with the reason.
///
/// One thread at a time.
class Engine {
 public:
  using Ticket = int64_t;
  struct Finished {
    Ticket ticket = 0;
    Rollout rollout;
  };

  /// @param policy, tokenizer, team  outlive the engine.
  Engine(const policy::Policy& policy, const policy::Tokenizer& tokenizer, EngineConfig config,
         ThreadTeam& team);
  ~Engine();

  /// @param on_token  called within `step` for every sampled token; may be empty.
  /// @throws ArgumentError  no completions asked for, or a sampling setting out of its range.
  Ticket submit(RolloutRequest request, TokenCallback on_token = {});
  /// Unfinished completions end as aborted with what they have. Unknown tickets are ignored.
  void cancel(Ticket ticket);
  void cancel_all();

  /// One decode call and the tokens it gives. @return requests that are complete now.
  std::vector<Finished> step();

  /// Answers one request; nothing else may be open. When `stop` is requested the completions
  /// are aborted within one token.
  Rollout generate(RolloutRequest request, const std::stop_token& stop = {},
                   TokenCallback on_token = {});

  bool is_idle() const { return jobs_.empty() && finished_.empty(); }
  /// Completions that are not done.
  int64_t num_open() const;

  const RolloutStats& stats() const { return stats_; }
  void reset_stats();

 private:
  struct Draw;

  std::string refuse(const RolloutRequest& request) const;
  void fail_at_once(Ticket ticket, RolloutRequest request, const std::string& reason);
  policy::DecodeBatch make_batch(const std::vector<RowSpan>& spans) const;
  std::optional<at::Tensor> decode(const std::vector<RowSpan>& spans, std::string& failure);
  void take_tokens(const std::vector<RowSpan>& spans, const at::Tensor& logits);
  void survive(const std::vector<RowSpan>& spans, const std::string& reason);
  std::vector<Draw> list_draws(const std::vector<RowSpan>& spans) const;
  void sample(std::vector<Draw>& draws, const at::Tensor& logits);
  void accept(Draw& draw);
  void append(Job& job, Sequence& sequence, const SampledToken& token);
  void end(Job& job, Sequence& sequence, FinishReason reason, const std::string& error = {});
  void collect_finished();
  void note_call();

  const policy::Policy& policy_;
  const policy::Tokenizer& tokenizer_;
  EngineConfig config_;
  ThreadTeam& team_;
  policy::KvCache cache_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Job>> jobs_;  ///< by ticket
  std::vector<Finished> finished_;
  std::vector<SamplerScratch> scratch_;  ///< one per member of the team
  RolloutStats stats_;
  int64_t preemptions_before_ = 0;
  Ticket next_ticket_ = 1;
};

}  // namespace gradus::rollout
