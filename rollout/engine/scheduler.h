#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/clock.h"
#include "policy/batch/kv_cache.h"
#include "rollout/engine/job.h"

namespace gradus::rollout {

/// What may run: a job's prompt, or one of its sequences.
struct Unit {
  Job* job = nullptr;
  Sequence* sequence = nullptr;  ///< null: the prompt

  BlockTable& table() const { return sequence != nullptr ? sequence->cache : job->prompt; }
  int64_t num_tokens() const;
  int32_t token(int64_t place) const;
};

/// Tokens [begin, begin + count) of a unit, to be computed in the next decode call.
struct RowSpan {
  Unit unit;
  int64_t begin = 0;
  int64_t count = 0;
  bool wants_logits = false;  ///< of the last row: a token is sampled from it
  bool has_draft = false;     ///< behind it the sequence's draft is computed, with its own logits

  int64_t num_rows() const { return count + (has_draft ? 1 : 0); }
};

/// Decides what the next decode call computes, and who holds which cache blocks.
///
/// Units have an age: jobs in the order they were added, the prompt first, then its sequences.
///   - Waiting units are admitted in order of age while blocks last; a few blocks are kept back so
///     that the running ones can grow.
///   - A sequence begins with the blocks of its job's prompt, shared by reference count; the last,
///     partly filled one is copied when somebody writes to it while it is shared.
///   - When no block is free, prompts that nobody runs from are forgotten first, then the youngest
///     running unit is preempted: its blocks are released and it waits to be computed again. The
///     oldest is never preempted, so that something always finishes.
///   - With drafts, a sequence holds room for one token more than it computes, so that the
///     prediction module can follow at once; the draft itself is computed only where its blocks are
///     free.
/// One thread at a time. Knows nothing of tensors: blocks are copied by a callback.
class Scheduler {
 public:
  using CopyBlock = std::function<void(int32_t from, int32_t to)>;

  Scheduler(int64_t num_blocks, int max_sequences, int prefill_rows, CopyBlock copy_block,
            bool has_drafts = false, const Clock& clock = machine_clock());

  /// Blocks that one sequence of the job may need when it is alone.
  static int64_t blocks_needed(int64_t prompt_tokens, int64_t max_new_tokens);

  /// @param job  needs at most num_blocks() blocks; stays alive until `remove`.
  void add(Job& job);
  /// Releases all that the job holds.
  void remove(Job& job);

  /// The spans of the next call, oldest first; their blocks are in the tables.
  std::vector<RowSpan> plan();
  /// The span was computed. @return tokens of it that had been computed before.
  int64_t advance(const RowSpan& span);
  /// The sequence's draft was the token that was sampled: its keys are in the cache already.
  void confirm_draft(Sequence& sequence);
  /// The prompt is complete and each of its sequences has its first token or is done.
  void open_sequences(Job& job);
  /// Releases a sequence's blocks; it is done.
  void finish(Job& job, Sequence& sequence);

  /// After a call that failed: fewer units and rows from now on, and no drafts in the next call.
  /// @return false when the call was one row already.
  bool shrink(const std::vector<RowSpan>& spans);
  /// After a call that went well: towards the configured limits again.
  void grow();

  int64_t num_blocks() const { return pool_.num_blocks(); }
  int64_t num_free_blocks() const { return pool_.num_free(); }
  int64_t peak_blocks() const { return peak_blocks_; }
  void reset_peak() { peak_blocks_ = 0; }
  int64_t preemptions() const { return preemptions_; }
  int num_running() const { return num_running_; }

 private:
  void admit();
  bool admit_prompt(Job& job);
  bool admit_sequence(Job& job, Sequence& sequence);
  bool may_admit(int64_t blocks, int64_t rows) const;
  void plan_unit(Unit unit, int64_t& prefill_left, std::vector<RowSpan>& spans);

  bool can_hold_draft(Unit unit, int64_t num_tokens);
  bool reserve(Unit unit, int64_t num_tokens);
  bool own_last_block(Unit unit);
  bool reclaim(Unit wanting);
  bool forget_youngest_prompt();
  Unit youngest_running() const;
  void preempt(Unit unit);
  bool adopt_prompt(Job& job);
  void forget_prompt(Job& job);
  void release(BlockTable& table);
  void leave_running(Phase& phase, Phase next);

  policy::BlockPool pool_;
  CopyBlock copy_block_;
  const Clock& clock_;
  std::vector<Job*> jobs_;  ///< by age
  int max_sequences_;
  int prefill_rows_;
  bool has_drafts_;
  int sequence_limit_;
  int prefill_limit_;
  int num_running_ = 0;
  int64_t pending_prefill_ = 0;
  int64_t peak_blocks_ = 0;
  int64_t preemptions_ = 0;
};

}  // namespace gradus::rollout
