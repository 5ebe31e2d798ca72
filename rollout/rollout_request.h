#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "rollout/engine/sampling.h"
#include "rollout/records.h"

namespace gradus::rollout {

/// Whoever decides which tokens a completion may have next: a grammar, penalties, a bias. One
/// object a request; calls for one completion come in the order of its tokens, from several
/// threads.
class LogitEditor {
 public:
  virtual ~LogitEditor() = default;
  /// @param tokens  of the completion so far. @param logits  [V], to be changed in place; -infinity
  /// forbids. Not all may be forbidden.
  virtual void edit(int completion, std::span<const int32_t> tokens, std::span<float> logits) = 0;
};

/// One prompt to be answered `num_completions` times. The random stream of completion i is keyed by
/// (seed, step, prompt_key, i), so that results depend neither on batching nor on the workers.
struct RolloutRequest {
  Prompt prompt;
  int num_completions = 1;
  uint64_t seed = 0;
  uint64_t step = 0;
  uint64_t prompt_key = 0;
  SamplingConfig sampling;
  bool keeps_experts = false;  ///< of a model with mixtures: prompt and completions keep choices
  /// Changes a row of logits before a token is drawn from it; null: nobody does.
  std::shared_ptr<LogitEditor> editor = nullptr;
  bool shows_logits = false;  ///< TokenEvent::logits is filled, as the model gave them
  bool ignores_end = false;   ///< the model's own end tokens end nothing; sampling.stop* do
};

/// What a batch of rollouts cost and met.
struct RolloutStats {
  int64_t prompt_tokens = 0;  ///< prefilled, shared prompts counted once
  int64_t completion_tokens = 0;
  int64_t recomputed_tokens = 0;  ///< after preemption
  int64_t preemptions = 0;
  int64_t drafted_tokens = 0;   ///< speculative decoding: guesses that were verified
  int64_t accepted_drafts = 0;  ///< of them, those that were the token sampled
  int64_t sequence_steps = 0;   ///< sampled tokens, those behind accepted drafts left out
  int64_t decode_calls = 0;
  int64_t failed_calls = 0;  ///< decode calls that threw and were repeated with half the batch
  std::string failure;       ///< why the first of them threw
  int64_t failed = 0;
  int64_t aborted = 0;
  int64_t peak_blocks = 0;  ///< of all workers, each at its own peak
  double seconds = 0.0;
  double slowest_completion_s = 0.0;
};

/// Adds what adds up whether parts ran side by side or in turn. `peak_blocks` and `seconds` do not:
/// they are the caller's.
inline void add_counts(RolloutStats& sum, const RolloutStats& part) {
  sum.prompt_tokens += part.prompt_tokens;
  sum.completion_tokens += part.completion_tokens;
  sum.recomputed_tokens += part.recomputed_tokens;
  sum.preemptions += part.preemptions;
  sum.drafted_tokens += part.drafted_tokens;
  sum.accepted_drafts += part.accepted_drafts;
  sum.sequence_steps += part.sequence_steps;
  sum.decode_calls += part.decode_calls;
  sum.failed_calls += part.failed_calls;
  if (sum.failure.empty()) sum.failure = part.failure;
  sum.failed += part.failed;
  sum.aborted += part.aborted;
  sum.slowest_completion_s = std::max(sum.slowest_completion_s, part.slowest_completion_s);
}

}  // namespace gradus::rollout
