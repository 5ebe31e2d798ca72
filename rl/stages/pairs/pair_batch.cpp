#include "rl/stages/pairs/pair_batch.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <utility>

#include "rl/algorithms/sequence_sum.h"
#include "rl/learn/work_model.h"

namespace gradus::rl {
namespace {

policy::Scores scores_of(const TrainingStep& step, const Microbatch& microbatch,
                         const at::Tensor& hidden) {
  const auto scores = step.policy.score(hidden, microbatch.scores, step.temperature, step.team);
  return {scores.logprobs.to(at::kCPU), scores.entropies.to(at::kCPU)};
}

}  // namespace

PairBatch::PairBatch(std::span<const AnswerPair* const> pairs, Read read, int64_t microbatch_tokens)
    : pairs_(pairs.begin(), pairs.end()) {
  for (const AnswerPair* pair : pairs_)
    for (const auto* answer : {&pair->chosen, &pair->rejected}) {
      tokens_.push_back(*answer);
      // A token behind the last makes the last one's row be laid; it is never looked up.
      if (read == Read::last_row) tokens_.back().push_back(answer->back());
    }
  std::vector<PackItem> items;
  std::vector<std::vector<uint8_t>> targets(read == Read::last_row ? tokens_.size() : 0);
  for (size_t a = 0; a < tokens_.size(); ++a) {
    PackItem item;
    item.prefix_id = static_cast<int32_t>(a / 2);
    item.prefix = pairs_[a / 2]->prompt;
    item.tokens = tokens_[a];
    item.first_token = num_tokens_;
    num_tokens_ += static_cast<int64_t>(tokens_[a].size());
    if (read == Read::last_row) {
      targets[a].assign(tokens_[a].size(), 0);
      targets[a].back() = 1;
      item.is_target = targets[a];
    }
    items.push_back(item);
  }
  microbatches_ = pack(items, microbatch_tokens);
}

PairValues PairBatch::lengths() const {
  const auto lengths = at::empty({2 * num_pairs()}, at::kDouble);
  double* out = lengths.mutable_data_ptr<double>();
  for (const AnswerPair* pair : pairs_) {
    *out++ = static_cast<double>(pair->chosen.size());
    *out++ = static_cast<double>(pair->rejected.size());
  }
  return as_pairs(lengths);
}

at::Tensor PairBatch::scored(
    const std::function<at::Tensor(const std::vector<Microbatch>&, int64_t)>& score) const {
  const at::Tensor logprobs = score(microbatches_, num_tokens_);
  auto sums = at::zeros({2 * num_pairs()}, at::kDouble);
  for (const Microbatch& microbatch : microbatches_) {
    const auto token_S = at::empty({microbatch.num_scores()}, at::kLong);
    std::copy(microbatch.token.begin(), microbatch.token.end(),
              token_S.mutable_data_ptr<int64_t>());
    sums = sums + sums_by_answer(microbatch, logprobs.index_select(0, token_S));
  }
  return sums;
}

at::Tensor PairBatch::sums_by_answer(const Microbatch& microbatch, const at::Tensor& scores) const {
  const auto answer_S = at::empty({microbatch.num_scores()}, at::kLong);
  int64_t* answer = answer_S.mutable_data_ptr<int64_t>();
  for (size_t s = 0; s < microbatch.sequence.size(); ++s)
    answer[s] = microbatch.items[static_cast<size_t>(microbatch.sequence[s])];
  return sequence_sum(scores.to(at::kDouble), answer_S, 2 * num_pairs());
}

PairValues as_pairs(const at::Tensor& by_answer) {
  const auto pairs_P2 = by_answer.reshape({-1, 2});
  return {pairs_P2.select(1, 0), pairs_P2.select(1, 1)};
}

at::Tensor value_pairs(const TrainingStep& step, const PairBatch& batch,
                       const AnswerValues& answers, bool reads_hidden, UpdateCost& cost) {
  const at::NoGradGuard no_grad;
  auto values = at::zeros({2 * batch.num_pairs()}, at::kDouble);
  const double begin = step.environment.clock.now_s();
  const WorkModel work(step.policy.model_config(), step.policy.policy_config());
  for (const Microbatch& microbatch : batch.microbatches()) {
    stop_here_if_wanted(step.environment);
    const at::Tensor hidden = step.policy.forward(microbatch.batch, step.team);
    const policy::Scores scores =
        reads_hidden ? policy::Scores{} : scores_of(step, microbatch, hidden);
    values = values + answers(microbatch, scores, hidden);
    cost.scored_tokens += microbatch.batch.num_rows();
    cost.scored_flops += work.forward(microbatch.batch, reads_hidden ? 0 : microbatch.num_scores());
  }
  cost.logprobs_s += step.environment.clock.now_s() - begin;
  return values;
}

TrainingStepResult train_on_pairs(const TrainingStep& step, const PairBatch& batch,
                                  const AnswerValues& answers, const PairLoss& loss,
                                  bool reads_hidden, UpdateResult& update, at::Tensor& values) {
  const bool is_one = batch.microbatches().size() == 1;
  at::Tensor slopes;
  at::Tensor whole;
  if (!is_one) {
    values = value_pairs(step, batch, answers, reads_hidden, update.cost);
    const auto leaf = values.detach().clone().set_requires_grad(true);
    const auto total = loss(as_pairs(leaf));
    total.backward();
    whole = total.detach().to(at::kDouble);
    slopes = leaf.grad();
  }
  bool is_first = true;
  const auto part = [&](const Microbatch& microbatch, const policy::Scores& scores,
                        const at::Tensor& hidden) {
    const auto own = answers(microbatch, scores, hidden);
    if (is_one) {
      values = own.detach();
      return loss(as_pairs(own)).to(at::kDouble);
    }
    // Its value is 0; its gradient is the loss's in these answers.
    const auto slope = ((own - own.detach()) * slopes).sum();
    return std::exchange(is_first, false) ? slope + whole : slope;
  };
  if (!reads_hidden) {
    const auto by_scores = [&](const Microbatch& microbatch, const policy::Scores& scores) {
      return part(microbatch, scores, {});
    };
    return train_on(step, batch.microbatches(), by_scores, update);
  }
  TrainingStep hidden_step = step;
  hidden_step.hidden_loss = [&](const Microbatch& microbatch, const at::Tensor& hidden) {
    return part(microbatch, {}, hidden);
  };
  return train_on(hidden_step, batch.microbatches(), {}, update);
}

}  // namespace gradus::rl
