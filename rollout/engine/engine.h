#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/parallel.h"
#include "policy/ops/routing.h"
#include "policy/policy.h"
#include "policy/tokenizer/tokenizer.h"
#include "rollout/engine/drafter.h"
#include "rollout/engine/job.h"
#include "rollout/engine/scheduler.h"
#include "rollout/rollout_request.h"

namespace gradus::rollout {

struct EngineConfig {
  int max_sequences = 256;   ///< that decode together
  int prefill_rows = 512;    ///< prompt tokens of one decode call
  int64_t num_blocks = 0;    ///< of the KV cache, 16 tokens each
  bool speculative = false;  ///< the model's first prediction module drafts tokens
};

/// The layers of the KV cache that an engine needs.
inline policy::CachedLayers cached_layers(bool speculative) {
  return speculative ? policy::CachedLayers::with_prediction_modules : policy::CachedLayers::model;
}

/// The blocks that a share of `rollout.kv_cache_mb` holds, and no more than could ever be used.
/// @throws ConfigError  not even one.
int64_t blocks_in_budget(const policy::Policy& policy, double megabytes, int max_sequences,
                         bool speculative = false);

/// Blocks that one completion of the request may need when it is alone.
int64_t blocks_wanted(const policy::Policy& policy, const RolloutRequest& request);

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
/// Speculative decoding (DeepSeek-V3, arXiv:2412.19437, 5.4.3; Leviathan et al.,
/// arXiv:2211.17192): the prediction module guesses the token behind the one just sampled, and the
/// next decode call computes both rows. The token behind is drawn from the model's own logits with
/// the random number it would have had anyway; when it equals the guess, the second row is right
/// as well and gives one token more. Tokens and logprobs are therefore those of decoding without
/// drafts, at every temperature; keys of a wrong guess are overwritten by the next call.
///
/// One thread at a time.
class Engine {
 public:
  using Ticket = int64_t;
  struct Finished {
    Ticket ticket = 0;
    Rollout rollout;
  };

  /// @param policy, tokenizer, team, clock  outlive the engine.
  /// @throws ConfigError  speculative, and the model has no prediction module.
  Engine(const policy::Policy& policy, const policy::Tokenizer& tokenizer, EngineConfig config,
         ThreadTeam& team, const Clock& clock = machine_clock());
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
  struct Decoded;

  std::string refuse(const RolloutRequest& request) const;
  void fail_at_once(Ticket ticket, RolloutRequest request, const std::string& reason);
  policy::DecodeBatch make_batch(const std::vector<RowSpan>& spans) const;
  void keep_experts(const std::vector<RowSpan>& spans, const policy::ExpertChoices& choices);
  std::optional<Decoded> decode(const std::vector<RowSpan>& spans, std::string& failure);
  void take_tokens(const std::vector<RowSpan>& spans, const Decoded& decoded);
  void verify_drafts(const std::vector<Draw>& draws, const at::Tensor& logits);
  void survive(const std::vector<RowSpan>& spans, const std::string& reason);
  std::vector<Draw> list_draws(const std::vector<RowSpan>& spans) const;
  void sample(std::vector<Draw>& draws, const at::Tensor& logits);
  void accept(Draw& draw);
  void append(Job& job, Sequence& sequence, const SampledToken& token,
              std::span<const float> logits);
  void end(Job& job, Sequence& sequence, FinishReason reason, const std::string& error = {});
  void collect_finished();
  void note_call();
  void note_failed_call(const std::string& reason);

  const policy::Policy& policy_;
  const policy::Tokenizer& tokenizer_;
  EngineConfig config_;
  ThreadTeam& team_;
  const Clock& clock_;
  policy::KvCache cache_;
  Scheduler scheduler_;
  std::vector<std::unique_ptr<Job>> jobs_;  ///< by ticket
  std::vector<Finished> finished_;
  std::unique_ptr<Drafter> drafter_;     ///< null: not speculative
  std::vector<SamplerScratch> scratch_;  ///< one per member of the team
  RolloutStats stats_;
  int64_t preemptions_before_ = 0;
  Ticket next_ticket_ = 1;
};

}  // namespace gradus::rollout
