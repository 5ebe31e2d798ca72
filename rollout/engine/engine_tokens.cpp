// How rows of logits become tokens, and tokens the ends of completions.
#include <algorithm>

#include "rollout/engine/engine.h"
#include "rollout/engine/engine_draw.h"

namespace gradus::rollout {
namespace {

/// A guess behind the last token was computed as well, and nobody overwrote its choices.
void drop_guessed_experts(Completion& completion, const policy::ModelConfig& model) {
  if (completion.experts.empty()) return;
  const auto size =
      static_cast<size_t>(policy::num_mixture_layers(model) * model.moe.num_experts_per_token);
  const size_t rows = completion.tokens.empty() ? 0 : completion.tokens.size() - 1;
  completion.experts.resize(std::min(completion.experts.size(), rows * size));
}

}  // namespace

std::vector<Engine::Draw> Engine::list_draws(const std::vector<RowSpan>& spans) const {
  std::vector<Draw> draws;
  int64_t row = 0;
  for (const auto& span : spans) {
    if (!span.wants_logits) continue;
    Job* job = span.unit.job;
    if (span.unit.sequence != nullptr) {
      draws.push_back({job, span.unit.sequence, row, span.has_draft, {}, {}});
    } else {
      for (auto& sequence : job->sequences)
        if (sequence.phase != Phase::done) draws.push_back({job, &sequence, row, false, {}, {}});
    }
    row += span.has_draft ? 2 : 1;
  }
  return draws;
}

void Engine::sample(std::vector<Draw>& draws, const at::Tensor& logits) {
  if (draws.empty()) return;
  const float* first = logits.const_data_ptr<float>();
  const auto width = static_cast<size_t>(logits.size(1));
  const auto draw_one = [&](Draw& draw, int member) {
    const float* row = first + static_cast<size_t>(draw.row) * width;
    const auto& sampler = draw.job->sampler;
    const float u = sampler.is_greedy() ? 0.0F : draw.sequence->random.uniform();
    draw.logits = {row, width};
    auto& scratch = scratch_[static_cast<size_t>(member)];
    if (const auto& editor = draw.job->request.editor) {
      auto& edited = scratch.edited;
      edited.assign(row, row + width);
      editor->edit(draw.sequence->completion.index, draw.sequence->completion.tokens, edited);
      draw.token = sampler.sample_edited(edited, u, scratch);
    } else {
      draw.token = sampler.sample({row, width}, u, scratch);
    }
  };
  team_.run(std::ssize(draws), [&](ThreadTeam::Tasks& tasks) {
    for (int64_t i; tasks.next(i);) draw_one(draws[static_cast<size_t>(i)], tasks.member());
  });
}

/// What goes wrong with one token (a listener that throws, text that does not fit in memory) ends
/// that completion alone.
void Engine::accept(Draw& draw) {
  auto& sequence = *draw.sequence;
  try {
    if (draw.token) return append(*draw.job, sequence, *draw.token, draw.logits);
    end(*draw.job, sequence, FinishReason::failed,
        "the logits after " + std::to_string(sequence.completion.tokens.size()) +
            " completion tokens hold NaN or infinity; nothing was sampled from them");
  } catch (const std::exception& error) {
    if (sequence.phase != Phase::done)
      end(*draw.job, sequence, FinishReason::failed, failure_text(error));
  }
}

void Engine::append(Job& job, Sequence& sequence, const SampledToken& token,
                    std::span<const float> logits) {
  auto& completion = sequence.completion;
  completion.tokens.push_back(token.id);
  completion.logprobs.push_back(token.logprob);
  completion.policy_logprobs.push_back(token.policy_logprob);
  ++stats_.completion_tokens;
  const bool is_stop_token =
      std::find(job.stop_ids.begin(), job.stop_ids.end(), token.id) != job.stop_ids.end();
  std::optional<FinishReason> finish;
  if (is_stop_token || sequence.text.push(token.id)) {
    finish = FinishReason::stop;
  } else if (static_cast<int64_t>(completion.tokens.size()) >= job.max_new_tokens) {
    finish = FinishReason::length;
  }
  if (job.on_token) {
    job.on_token({completion.index, token.id, token.logprob, token.policy_logprob,
                  sequence.text.take_settled(finish.has_value()), finish,
                  job.request.shows_logits ? logits : std::span<const float>()});
  }
  if (finish) end(job, sequence, *finish);
}

void Engine::end(Job& job, Sequence& sequence, FinishReason reason, const std::string& error) {
  auto& completion = sequence.completion;
  completion.finish = reason;
  completion.error = error;
  completion.text = sequence.text.text();
  drop_guessed_experts(completion, policy_.model_config());
  if (job.admitted_s) completion.seconds = clock_.now_s() - *job.admitted_s;
  stats_.slowest_completion_s = std::max(stats_.slowest_completion_s, completion.seconds);
  if (reason == FinishReason::failed) ++stats_.failed;
  if (reason == FinishReason::aborted) ++stats_.aborted;
  scheduler_.finish(job, sequence);
}

}  // namespace gradus::rollout
