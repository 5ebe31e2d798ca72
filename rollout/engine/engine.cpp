#include "rollout/engine/engine.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/printable.h"
#include "rollout/engine/engine_draw.h"

namespace gradus::rollout {
namespace {

std::string megabytes(double bytes) {
  return std::to_string(static_cast<int64_t>(std::ceil(bytes / (1 << 20))));
}

void check(const RolloutRequest& request) {
  if (request.num_completions < 1)
    throw ArgumentError("rollout of " + request.prompt.id + ": num_completions must be at least 1");
  const auto& sampling = request.sampling;
  if (sampling.max_tokens < 1) throw ArgumentError("sampling.max_tokens: must be at least 1");
  for (const auto& stop : sampling.stop)
    if (stop.empty())
      throw ArgumentError("sampling.stop: an empty string would end every completion");
}

}  // namespace

/// What a decode call gave: on the CPU the logits, where there are drafts the hidden states of all
/// rows as well.
struct Engine::Decoded {
  at::Tensor logits;
  at::Tensor hidden;
};

int64_t blocks_in_budget(const policy::Policy& policy, double megabytes, int max_sequences,
                         bool speculative) {
  const auto& model = policy.model_config();
  const auto bytes =
      policy::KvCache::bytes_per_block(model, policy.compute_dtype(), cached_layers(speculative));
  const auto blocks = static_cast<int64_t>(megabytes * (1 << 20) / static_cast<double>(bytes));
  if (blocks < 1) {
    throw ConfigError("rollout.kv_cache_mb: is " + number_text(megabytes) +
                      " MiB, a block of 16 tokens needs " + std::to_string(bytes) +
                      " bytes; raise it");
  }
  const int64_t context_blocks =
      (int64_t{model.max_position_embeddings} + policy::kBlockTokens - 1) / policy::kBlockTokens;
  return std::min(blocks, (int64_t{max_sequences} + 1) * std::max<int64_t>(1, context_blocks));
}

int64_t blocks_wanted(const policy::Policy& policy, const RolloutRequest& request) {
  const auto length = static_cast<int64_t>(request.prompt.tokens.size());
  const int64_t context = policy.model_config().max_position_embeddings;
  const auto most_new = std::min<int64_t>(request.sampling.max_tokens, context - length);
  return Scheduler::blocks_needed(length, std::max<int64_t>(most_new, 1));
}

Engine::Engine(const policy::Policy& policy, const policy::Tokenizer& tokenizer,
               EngineConfig config, ThreadTeam& team, const Clock& clock)
    : policy_(policy),
      tokenizer_(tokenizer),
      config_(config),
      team_(team),
      clock_(clock),
      cache_(policy.model_config(), policy.compute_dtype(), policy.device(), config.num_blocks,
             cached_layers(config.speculative)),
      scheduler_(
          config.num_blocks, config.max_sequences, config.prefill_rows,
          [this](int32_t from, int32_t to) { cache_.copy_block(from, to); }, config.speculative,
          clock),
      drafter_(config.speculative ? std::make_unique<Drafter>(policy, cache_, team) : nullptr),
      scratch_(static_cast<size_t>(team.size())) {
  for (auto& scratch : scratch_) scratch.reserve(policy.model_config().vocab_size);
}

Engine::~Engine() = default;

/// Why a request can never be answered here; empty when it can.
std::string Engine::refuse(const RolloutRequest& request) const {
  const auto& model = policy_.model_config();
  const auto& tokens = request.prompt.tokens;
  const auto length = static_cast<int64_t>(tokens.size());
  if (tokens.empty()) return "the prompt has no tokens";
  for (const int32_t id : tokens) {
    if (id < 0 || id >= model.vocab_size) {
      return "the prompt holds token " + std::to_string(id) + ", the model has " +
             std::to_string(model.vocab_size);
    }
  }
  if (length >= model.max_position_embeddings) {
    return "the prompt has " + std::to_string(length) +
           " tokens, which leaves no room in a context of " +
           std::to_string(model.max_position_embeddings);
  }
  const int64_t needed = blocks_wanted(policy_, request);
  if (needed <= scheduler_.num_blocks()) return {};
  const auto block_bytes = static_cast<double>(policy::KvCache::bytes_per_block(
      model, policy_.compute_dtype(), cached_layers(config_.speculative)));
  return "needs " + megabytes(block_bytes * static_cast<double>(needed)) + " MiB of KV cache for " +
         std::to_string(length) + " prompt and up to " +
         std::to_string(std::min<int64_t>(request.sampling.max_tokens,
                                          model.max_position_embeddings - length)) +
         " new tokens, which is more than there is; raise rollout.kv_cache_mb or lower max_tokens";
}

Engine::Ticket Engine::submit(RolloutRequest request, TokenCallback on_token) {
  check(request);
  const Ticket ticket = next_ticket_++;
  if (const std::string reason = refuse(request); !reason.empty()) {
    fail_at_once(ticket, std::move(request), reason);
    return ticket;
  }
  auto job = std::make_unique<Job>(ticket, std::move(request), std::move(on_token));
  const auto& sampling = job->request.sampling;
  job->stop_ids.assign(sampling.stop_token_ids.begin(), sampling.stop_token_ids.end());
  if (!job->request.ignores_end) {
    const auto& eos = tokenizer_.eos_ids();
    job->stop_ids.insert(job->stop_ids.end(), eos.begin(), eos.end());
    for (const int64_t id : policy_.model_config().eos_token_ids)
      job->stop_ids.push_back(static_cast<int32_t>(id));
  }
  job->max_new_tokens = std::min<int64_t>(
      sampling.max_tokens, policy_.model_config().max_position_embeddings - job->prompt_tokens());
  const int group = job->request.num_completions;
  job->sequences.reserve(static_cast<size_t>(group));
  for (int i = 0; i < group; ++i) {
    job->sequences.emplace_back(tokenizer_, job->request, i);
    job->sequences.back().completion.policy_version = policy_.version();
  }
  job->num_open = job->num_waiting = group;
  scheduler_.add(*job);
  jobs_.push_back(std::move(job));
  return ticket;
}

void Engine::fail_at_once(Ticket ticket, RolloutRequest request, const std::string& reason) {
  Finished finished{ticket, {std::move(request.prompt), {}}};
  for (int i = 0; i < request.num_completions; ++i) {
    Completion completion;
    completion.index = i;
    completion.error = reason;
    completion.policy_version = policy_.version();
    finished.rollout.completions.push_back(std::move(completion));
  }
  stats_.failed += request.num_completions;
  finished_.push_back(std::move(finished));
}

void Engine::cancel(Ticket ticket) {
  for (auto& job : jobs_) {
    if (job->ticket != ticket) continue;
    for (auto& sequence : job->sequences)
      if (sequence.phase != Phase::done) end(*job, sequence, FinishReason::aborted);
  }
  collect_finished();
}

void Engine::cancel_all() {
  for (auto& job : jobs_)
    for (auto& sequence : job->sequences)
      if (sequence.phase != Phase::done) end(*job, sequence, FinishReason::aborted);
  collect_finished();
}

int64_t Engine::num_open() const {
  int64_t open = 0;
  for (const auto& job : jobs_) open += job->num_open;
  return open;
}

void Engine::reset_stats() {
  stats_ = {};
  scheduler_.reset_peak();
  preemptions_before_ = scheduler_.preemptions();
}

Rollout Engine::generate(RolloutRequest request, const std::stop_token& stop,
                         TokenCallback on_token) {
  if (!is_idle()) throw ArgumentError("Engine::generate: other requests are open");
  const Ticket ticket = submit(std::move(request), std::move(on_token));
  for (;;) {
    if (stop.stop_requested()) cancel(ticket);
    auto finished = step();
    if (!finished.empty()) return std::move(finished.front().rollout);
  }
}

std::vector<Engine::Finished> Engine::step() {
  const auto spans = scheduler_.plan();
  if (!spans.empty()) {
    std::string failure;
    if (const auto decoded = decode(spans, failure)) {
      take_tokens(spans, *decoded);
    } else {
      survive(spans, failure);
    }
    note_call();
  }
  collect_finished();
  return std::exchange(finished_, {});
}

/// Logits of the spans that want them; nullopt, and the reason, when the call threw.
std::optional<Engine::Decoded> Engine::decode(const std::vector<RowSpan>& spans,
                                              std::string& failure) {
  try {
    auto batch = make_batch(spans);
    policy::RoutingPass routing;
    routing.keeps_choices = std::ranges::any_of(
        spans, [](const RowSpan& span) { return span.unit.job->request.keeps_experts; });
    batch.routing = &routing;
    if (drafter_ == nullptr) {
      const auto logits = policy_.decode(batch, cache_, team_).to(at::kCPU).contiguous();
      keep_experts(spans, routing.choices);
      return Decoded{logits, {}};
    }
    auto hidden = policy_.decode_hidden(batch, cache_, team_);
    keep_experts(spans, routing.choices);
    const auto logits = policy_.logits(hidden, batch.logit_rows, team_);
    return Decoded{logits.to(at::kCPU).contiguous(), std::move(hidden)};
  } catch (const std::exception& error) {
    failure = failure_text(error);
    return std::nullopt;
  }
}

/// Notes the choices of each row at its place: what is computed again, or was a wrong guess, is
/// overwritten.
void Engine::keep_experts(const std::vector<RowSpan>& spans, const policy::ExpertChoices& choices) {
  if (choices.experts.empty()) return;
  const auto size = static_cast<size_t>(choices.row_size());
  int64_t row = 0;
  for (const auto& span : spans) {
    Job& job = *span.unit.job;
    for (int64_t place = span.begin; place < span.begin + span.num_rows(); ++place, ++row) {
      if (!job.request.keeps_experts) continue;
      const bool is_prompt = place < job.prompt_tokens();
      auto& kept = is_prompt ? job.request.prompt.experts : span.unit.sequence->completion.experts;
      const auto at = static_cast<size_t>(is_prompt ? place : place - job.prompt_tokens()) * size;
      if (kept.size() < at + size) kept.resize(at + size, policy::ExpertChoices::kUnknown);
      std::ranges::copy(choices.row(row), kept.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
}

void Engine::take_tokens(const std::vector<RowSpan>& spans, const Decoded& decoded) {
  scheduler_.grow();
  auto draws = list_draws(spans);
  for (const auto& span : spans) {
    const int64_t again = scheduler_.advance(span);
    stats_.recomputed_tokens += again;
    if (span.unit.sequence == nullptr) stats_.prompt_tokens += span.count - again;
  }
  sample(draws, decoded.logits);
  for (auto& draw : draws) accept(draw);
  verify_drafts(draws, decoded.logits);
  if (drafter_ != nullptr) {
    if (const auto failure = drafter_->run(spans, decoded.hidden)) note_failed_call(*failure);
  }
  for (const auto& span : spans) {
    if (span.unit.sequence == nullptr && span.wants_logits)
      scheduler_.open_sequences(*span.unit.job);
  }
}

/// The guesses that were right give a token more each, from the logits behind them.
void Engine::verify_drafts(const std::vector<Draw>& draws, const at::Tensor& logits) {
  std::vector<Draw> more;
  for (const auto& draw : draws) {
    ++stats_.sequence_steps;
    if (!draw.has_draft) continue;
    ++stats_.drafted_tokens;
    auto& sequence = *draw.sequence;
    if (!draw.token || draw.token->id != *sequence.draft) continue;
    ++stats_.accepted_drafts;
    if (sequence.phase == Phase::done) continue;
    scheduler_.confirm_draft(sequence);
    more.push_back({draw.job, &sequence, draw.row + 1, false, {}, {}});
  }
  sample(more, logits);
  for (auto& draw : more) accept(draw);
}

policy::DecodeBatch Engine::make_batch(const std::vector<RowSpan>& spans) const {
  policy::DecodeBatch batch;
  for (const auto& span : spans) {
    const auto sequence = static_cast<int32_t>(batch.block_tables.size());
    batch.block_tables.emplace_back(span.unit.table().blocks);
    for (int64_t place = span.begin; place < span.begin + span.count; ++place) {
      batch.tokens.push_back(span.unit.token(place));
      batch.places.push_back(static_cast<int32_t>(place));
      batch.sequences.push_back(sequence);
    }
    if (span.wants_logits)
      batch.logit_rows.push_back(static_cast<int64_t>(batch.tokens.size()) - 1);
    if (span.has_draft) {
      batch.tokens.push_back(*span.unit.sequence->draft);
      batch.places.push_back(static_cast<int32_t>(span.begin + span.count));
      batch.sequences.push_back(sequence);
      batch.logit_rows.push_back(static_cast<int64_t>(batch.tokens.size()) - 1);
    }
  }
  return batch;
}

/// A call that threw (memory, most likely) is tried again with half of it; a single row that still
/// throws fails what it belongs to, and the others go on.
void Engine::survive(const std::vector<RowSpan>& spans, const std::string& reason) {
  note_failed_call(reason);
  if (scheduler_.shrink(spans)) return;
  Job& job = *spans.front().unit.job;
  Sequence* alone = spans.front().unit.sequence;
  for (auto& sequence : job.sequences) {
    if (sequence.phase == Phase::done || (alone != nullptr && alone != &sequence)) continue;
    end(job, sequence, FinishReason::failed, reason);
  }
}

void Engine::collect_finished() {
  for (auto& job : jobs_) {
    if (job->num_open > 0) continue;
    scheduler_.remove(*job);
    Finished finished{job->ticket, {std::move(job->request.prompt), {}}};
    for (auto& sequence : job->sequences)
      finished.rollout.completions.push_back(std::move(sequence.completion));
    finished_.push_back(std::move(finished));
    job.reset();
  }
  std::erase(jobs_, nullptr);
}

void Engine::note_failed_call(const std::string& reason) {
  ++stats_.failed_calls;
  if (stats_.failure.empty()) stats_.failure = reason;
}

void Engine::note_call() {
  ++stats_.decode_calls;
  stats_.preemptions = scheduler_.preemptions() - preemptions_before_;
  stats_.peak_blocks = scheduler_.peak_blocks();
}

}  // namespace gradus::rollout
