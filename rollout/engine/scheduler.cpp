#include "rollout/engine/scheduler.h"

#include <c10/util/Exception.h>

#include <algorithm>

namespace gradus::rollout {
namespace {

constexpr int64_t kBlock = policy::kBlockTokens;

int64_t blocks_for(int64_t num_tokens) {
  return (num_tokens + kBlock - 1) / kBlock;
}

int64_t pending_rows(Unit unit) {
  return unit.num_tokens() - unit.table().cached;
}

/// Tokens that the unit's blocks ever hold: the last sampled one is never read back.
int64_t most_cached(Unit unit) {
  const int64_t prompt = unit.job->prompt_tokens();
  return unit.sequence == nullptr ? prompt : prompt + unit.job->max_new_tokens - 1;
}

/// A prompt is computed for its first tokens, and again when sequences wait for its blocks.
bool needs_prompt(const Job& job) {
  return !job.has_first_tokens || job.num_waiting > 0;
}

}  // namespace

int64_t Unit::num_tokens() const {
  const int64_t sampled =
      sequence != nullptr ? static_cast<int64_t>(sequence->completion.tokens.size()) : 0;
  return job->prompt_tokens() + sampled;
}

int32_t Unit::token(int64_t place) const {
  const int64_t prompt = job->prompt_tokens();
  return place < prompt ? job->request.prompt.tokens[static_cast<size_t>(place)]
                        : sequence->completion.tokens[static_cast<size_t>(place - prompt)];
}

Scheduler::Scheduler(int64_t num_blocks, int max_sequences, int prefill_rows, CopyBlock copy_block,
                     bool has_drafts, const Clock& clock)
    : pool_(num_blocks),
      copy_block_(std::move(copy_block)),
      clock_(clock),
      max_sequences_(max_sequences),
      prefill_rows_(prefill_rows),
      has_drafts_(has_drafts),
      sequence_limit_(max_sequences),
      prefill_limit_(prefill_rows) {}

int64_t Scheduler::blocks_needed(int64_t prompt_tokens, int64_t max_new_tokens) {
  // The last sampled token is never read back.
  return blocks_for(prompt_tokens + max_new_tokens - 1);
}

void Scheduler::add(Job& job) {
  jobs_.push_back(&job);
}

void Scheduler::remove(Job& job) {
  for (auto& sequence : job.sequences)
    if (sequence.phase != Phase::done) finish(job, sequence);
  if (job.prompt_phase == Phase::running) leave_running(job.prompt_phase, Phase::waiting);
  forget_prompt(job);
  jobs_.erase(std::find(jobs_.begin(), jobs_.end(), &job));
}

std::vector<RowSpan> Scheduler::plan() {
  admit();
  std::vector<RowSpan> spans;
  int64_t prefill_left = prefill_limit_;
  for (Job* job : jobs_) {
    if (job->prompt_phase == Phase::running) plan_unit({job, nullptr}, prefill_left, spans);
    for (auto& sequence : job->sequences)
      if (sequence.phase == Phase::running) plan_unit({job, &sequence}, prefill_left, spans);
  }
  peak_blocks_ = std::max(peak_blocks_, pool_.num_blocks() - pool_.num_free());
  return spans;
}

/// Younger units may be preempted for this one, or this one for want of younger ones; those that
/// are in `spans` already are older and stay.
void Scheduler::plan_unit(Unit unit, int64_t& prefill_left, std::vector<RowSpan>& spans) {
  const int64_t pending = pending_rows(unit);
  const bool is_decode = pending == 1;
  const int64_t count = is_decode ? 1 : std::min(pending, prefill_left);
  const int64_t begin = unit.table().cached;
  const int64_t ahead = has_drafts_ ? 1 : 0;
  if (count == 0 || !reserve(unit, std::min(begin + count + ahead, most_cached(unit)))) return;
  if (!is_decode) prefill_left -= count;
  const bool samples = unit.sequence != nullptr || !unit.job->has_first_tokens;
  const bool wants_logits = samples && count == pending;
  spans.push_back(
      {unit, begin, count, wants_logits, wants_logits && can_hold_draft(unit, begin + count)});
}

/// Room for a draft behind `num_tokens` tokens, if it costs nobody anything.
bool Scheduler::can_hold_draft(Unit unit, int64_t num_tokens) {
  if (unit.sequence == nullptr || !unit.sequence->draft) return false;
  auto& blocks = unit.table().blocks;
  const int64_t wanted = blocks_for(std::min(num_tokens + 2, most_cached(unit)));
  if (wanted - std::ssize(blocks) > pool_.num_free()) return false;
  while (std::ssize(blocks) < wanted) blocks.push_back(pool_.allocate());
  return true;
}

void Scheduler::confirm_draft(Sequence& sequence) {
  ++sequence.cache.cached;
  sequence.cache.computed = std::max(sequence.cache.computed, sequence.cache.cached);
}

int64_t Scheduler::advance(const RowSpan& span) {
  auto& table = span.unit.table();
  const int64_t again = std::clamp(table.computed - span.begin, int64_t{0}, span.count);
  table.cached += span.count;
  table.computed = std::max(table.computed, table.cached);
  if (span.unit.sequence == nullptr && table.cached == span.unit.job->prompt_tokens())
    leave_running(span.unit.job->prompt_phase, Phase::done);
  return again;
}

void Scheduler::open_sequences(Job& job) {
  job.has_first_tokens = true;
  if (!needs_prompt(job)) forget_prompt(job);
}

void Scheduler::finish(Job& job, Sequence& sequence) {
  if (sequence.phase == Phase::waiting) --job.num_waiting;
  if (sequence.phase == Phase::running) leave_running(sequence.phase, Phase::done);
  sequence.phase = Phase::done;
  --job.num_open;
  release(sequence.cache);
}

// Admission.

void Scheduler::admit() {
  pending_prefill_ = 0;
  for (Job* job : jobs_) {
    if (job->prompt_phase == Phase::running) pending_prefill_ += pending_rows({job, nullptr});
    for (auto& sequence : job->sequences) {
      const int64_t rows = sequence.phase == Phase::running ? pending_rows({job, &sequence}) : 0;
      if (rows > 1) pending_prefill_ += rows;
    }
  }
  for (Job* job : jobs_) {
    if (!needs_prompt(*job) || job->prompt_phase == Phase::running) continue;
    if (job->prompt_phase == Phase::waiting && !adopt_prompt(*job)) {
      if (!admit_prompt(*job)) return;
      continue;
    }
    for (auto& sequence : job->sequences)
      if (sequence.phase == Phase::waiting && !admit_sequence(*job, sequence)) return;
  }
}

/// The first to run is let in always: what stands in its way is reclaimed when it asks for blocks.
bool Scheduler::may_admit(int64_t blocks, int64_t rows) const {
  if (num_running_ == 0) return true;
  if (num_running_ >= sequence_limit_) return false;
  if (rows > 1 && pending_prefill_ >= prefill_limit_) return false;
  const int64_t kept_back = num_running_ / 2 + pool_.num_blocks() / 100;
  return pool_.num_free() >= blocks + kept_back;
}

bool Scheduler::admit_prompt(Job& job) {
  const int64_t rows = job.prompt_tokens();
  if (!may_admit(blocks_for(rows) + 1, rows)) return false;
  if (!job.admitted_s) job.admitted_s = clock_.now_s();
  job.prompt_phase = Phase::running;
  ++num_running_;
  pending_prefill_ += rows;
  return true;
}

bool Scheduler::admit_sequence(Job& job, Sequence& sequence) {
  const Unit unit{&job, &sequence};
  const int64_t rows = unit.num_tokens() - job.prompt_tokens();
  const int64_t shared = job.prompt_tokens() / kBlock;
  if (!may_admit(blocks_for(unit.num_tokens()) - shared, rows)) return false;
  sequence.cache.blocks = job.prompt.blocks;
  for (const int32_t block : sequence.cache.blocks) pool_.share(block);
  sequence.cache.cached = job.prompt_tokens();
  sequence.cache.computed = std::max(sequence.cache.computed, sequence.cache.cached);
  sequence.phase = Phase::running;
  ++num_running_;
  if (rows > 1) pending_prefill_ += rows;
  if (--job.num_waiting == 0) forget_prompt(job);
  return true;
}

// Blocks.

/// Makes room for the unit's first `num_tokens` tokens. @return false when it was preempted itself.
bool Scheduler::reserve(Unit unit, int64_t num_tokens) {
  if (!own_last_block(unit)) return false;
  auto& table = unit.table();
  while (static_cast<int64_t>(table.blocks.size()) < blocks_for(num_tokens)) {
    const int32_t block = pool_.allocate();
    if (block >= 0) {
      table.blocks.push_back(block);
    } else if (!reclaim(unit)) {
      return false;
    }
  }
  return true;
}

/// The block that the next token goes to may be partly filled and shared: copied before the write.
bool Scheduler::own_last_block(Unit unit) {
  auto& table = unit.table();
  const auto place = static_cast<size_t>(table.cached / kBlock);
  if (place >= table.blocks.size()) return true;
  while (pool_.is_shared(table.blocks[place])) {
    const int32_t copy = pool_.allocate();
    if (copy >= 0) {
      copy_block_(table.blocks[place], copy);
      pool_.release(table.blocks[place]);
      table.blocks[place] = copy;
    } else if (!reclaim(unit)) {
      return false;
    }
  }
  return true;
}

/// Gives something up for `wanting`. @return false when that was `wanting` itself.
bool Scheduler::reclaim(Unit wanting) {
  if (forget_youngest_prompt()) return true;
  const Unit victim = youngest_running();
  const bool is_self = victim.job == wanting.job && victim.sequence == wanting.sequence;
  TORCH_CHECK(!is_self || num_running_ > 1, "a lone sequence was admitted that does not fit");
  preempt(victim);
  return !is_self;
}

bool Scheduler::forget_youngest_prompt() {
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
    if ((*job)->prompt_phase != Phase::done) continue;
    forget_prompt(**job);
    return true;
  }
  return false;
}

Unit Scheduler::youngest_running() const {
  for (auto job = jobs_.rbegin(); job != jobs_.rend(); ++job) {
    auto& sequences = (*job)->sequences;
    for (auto sequence = sequences.rbegin(); sequence != sequences.rend(); ++sequence)
      if (sequence->phase == Phase::running) return {*job, &*sequence};
    if ((*job)->prompt_phase == Phase::running) return {*job, nullptr};
  }
  TORCH_CHECK(false, "blocks are held, but nothing is running");
}

void Scheduler::preempt(Unit unit) {
  ++preemptions_;
  if (unit.sequence != nullptr) {
    leave_running(unit.sequence->phase, Phase::waiting);
    ++unit.job->num_waiting;
  } else {
    leave_running(unit.job->prompt_phase, Phase::waiting);
  }
  release(unit.table());
}

/// Takes the prompt's blocks from a running sequence of the job: what that wrote behind the prompt
/// is overwritten before it is read.
bool Scheduler::adopt_prompt(Job& job) {
  for (const auto& sequence : job.sequences) {
    if (sequence.phase != Phase::running) continue;
    const auto& blocks = sequence.cache.blocks;
    job.prompt.blocks.assign(blocks.begin(), blocks.begin() + blocks_for(job.prompt_tokens()));
    for (const int32_t block : job.prompt.blocks) pool_.share(block);
    job.prompt.cached = job.prompt_tokens();
    job.prompt_phase = Phase::done;
    return true;
  }
  return false;
}

void Scheduler::forget_prompt(Job& job) {
  release(job.prompt);
  job.prompt_phase = Phase::waiting;
}

void Scheduler::release(BlockTable& table) {
  for (const int32_t block : table.blocks) pool_.release(block);
  table.blocks.clear();
  table.cached = 0;
}

void Scheduler::leave_running(Phase& phase, Phase next) {
  phase = next;
  --num_running_;
}

// Limits.

bool Scheduler::shrink(const std::vector<RowSpan>& spans) {
  int64_t rows = 0;
  for (const auto& span : spans) {
    rows += span.num_rows();
    // A lone sequence with its draft can shrink in no other way.
    if (span.has_draft) span.unit.sequence->draft.reset();
  }
  if (rows <= 1) return false;
  prefill_limit_ = static_cast<int>(std::max<int64_t>(1, rows / 2));
  sequence_limit_ = std::max(1, static_cast<int>(spans.size()) / 2);
  while (num_running_ > sequence_limit_) preempt(youngest_running());
  return true;
}

void Scheduler::grow() {
  sequence_limit_ =
      static_cast<int>(std::min<int64_t>(max_sequences_, int64_t{2} * sequence_limit_));
  prefill_limit_ = static_cast<int>(std::min<int64_t>(prefill_rows_, int64_t{2} * prefill_limit_));
}

}  // namespace gradus::rollout
