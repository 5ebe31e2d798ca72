#include "rollout/engine/drafter.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/index_select.h>

#include <algorithm>

#include "base/error.h"
#include "base/failure_text.h"

namespace gradus::rollout {
namespace {

/// The likeliest token; the first of equals. NaN is never larger.
int32_t likeliest(const float* logits, int64_t width) {
  int64_t best = 0;
  for (int64_t i = 1; i < width; ++i)
    if (logits[i] > logits[best]) best = i;
  return static_cast<int32_t>(best);
}

/// A draft is verified together with the token before it: two more tokens must be allowed.
bool has_room(const Job& job, const Sequence& sequence) {
  return std::ssize(sequence.completion.tokens) + 2 <= job.max_new_tokens;
}

}  // namespace

void check_can_draft(const policy::Policy& policy) {
  if (policy.model_config().num_mtp_layers > 0) return;
  throw ConfigError(
      "rollout.speculative: the model has no multi-token prediction module "
      "(num_nextn_predict_layers) that could draft tokens; set it to false");
}

/// The module's rows of one call.
class Drafter::Rows {
 public:
  Rows(const std::vector<RowSpan>& spans, const at::Tensor& hidden) : hidden_(hidden) {
    batch_.rows.first_place = 1;
    int64_t first = 0;
    for (const auto& span : spans) {
      span.unit.sequence == nullptr ? add_prompt(span, first) : add_sequence(span, first);
      first += span.num_rows();
    }
  }

  bool is_empty() const { return batch_.rows.tokens.empty(); }

  policy::DraftBatch take() {
    auto ids = at::empty({std::ssize(sources_)}, at::kLong);
    std::copy(sources_.begin(), sources_.end(), ids.data_ptr<int64_t>());
    auto all = hidden_;
    if (!prompts_.empty()) {
      prompts_.insert(prompts_.begin(), hidden_);
      all = at::cat(prompts_, 0);
    }
    batch_.hidden = at::index_select(all, 0, ids.to(all.device()));
    return std::move(batch_);
  }

  const std::vector<Sequence*>& drafting() const { return drafting_; }

 private:
  void add_prompt(const RowSpan& span, int64_t first) {
    Job& job = *span.unit.job;
    const int64_t length = job.prompt_tokens();
    const int64_t end = span.begin + span.count;
    if (end == length) {
      const int64_t last = first + span.count - 1;
      job.prompt_hidden = hidden_.slice(0, last, last + 1).clone();
    }
    begin_sequence(span.unit);
    for (int64_t place = span.begin + 1; place <= std::min(end, length - 1); ++place)
      add_row(span.unit, place, first + place - 1 - span.begin);
  }

  void add_sequence(const RowSpan& span, int64_t first) {
    Sequence& sequence = *span.unit.sequence;
    sequence.draft.reset();
    if (sequence.phase != Phase::running) return;
    const Job& job = *span.unit.job;
    const int64_t last = span.unit.num_tokens() - 1;
    const int64_t end = std::min(span.begin + span.num_rows(), last);
    begin_sequence(span.unit);
    if (span.begin == job.prompt_tokens() && job.prompt_hidden.defined()) {
      prompts_.push_back(job.prompt_hidden);
      add_row(span.unit, span.begin, hidden_.size(0) + std::ssize(prompts_) - 1);
    }
    for (int64_t place = span.begin + 1; place <= end; ++place)
      add_row(span.unit, place, first + place - 1 - span.begin);
    if (end != last || !has_room(job, sequence)) return;
    batch_.rows.logit_rows.push_back(std::ssize(batch_.rows.tokens) - 1);
    drafting_.push_back(&sequence);
  }

  void begin_sequence(Unit unit) { batch_.rows.block_tables.emplace_back(unit.table().blocks); }

  /// @param source  row of the hidden state at the place before.
  void add_row(Unit unit, int64_t place, int64_t source) {
    batch_.rows.tokens.push_back(unit.token(place));
    batch_.rows.places.push_back(static_cast<int32_t>(place));
    batch_.rows.sequences.push_back(static_cast<int32_t>(batch_.rows.block_tables.size()) - 1);
    sources_.push_back(source);
  }

  const at::Tensor& hidden_;
  policy::DraftBatch batch_;
  std::vector<int64_t> sources_;
  std::vector<at::Tensor> prompts_;  ///< hidden states from before this call
  std::vector<Sequence*> drafting_;
};

Drafter::Drafter(const policy::Policy& policy, policy::KvCache& cache, ThreadTeam& team)
    : policy_(policy), cache_(cache), team_(team) {
  check_can_draft(policy);
}

std::optional<std::string> Drafter::run(const std::vector<RowSpan>& spans,
                                        const at::Tensor& hidden) {
  try {
    Rows rows(spans, hidden);
    if (rows.is_empty()) return std::nullopt;
    const auto logits = policy_.draft(rows.take(), cache_, team_).to(at::kCPU).contiguous();
    const int64_t width = logits.size(1);
    const float* row = logits.const_data_ptr<float>();
    for (Sequence* sequence : rows.drafting()) {
      sequence->draft = likeliest(row, width);
      row += width;
    }
    return std::nullopt;
  } catch (const std::exception& error) {
    for (const auto& span : spans)
      if (span.unit.sequence != nullptr) span.unit.sequence->draft.reset();
    return failure_text(error);  // the next call decodes without drafts
  }
}

}  // namespace gradus::rollout
