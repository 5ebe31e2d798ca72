#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "rl/learn/gradient_pass.h"
#include "rl/stages/pairs/pair_source.h"

namespace gradus::rl {

/// One number for each answer of a batch of pairs. Shapes: P pairs.
struct PairValues {
  at::Tensor chosen;    ///< [P]
  at::Tensor rejected;  ///< [P]
};

/// The answers of a batch of pairs, laid into microbatches: answer 2 p is the chosen one of pair p,
/// 2 p + 1 the rejected one. Looks into the pairs, which outlive it.
class PairBatch {
 public:
  /// What is read of an answer.
  enum class Read {
    logprobs,  ///< of its tokens
    last_row,  ///< the hidden state at its last token
  };

  PairBatch(std::span<const AnswerPair* const> pairs, Read read, int64_t microbatch_tokens);

  const std::vector<Microbatch>& microbatches() const { return microbatches_; }
  int64_t num_pairs() const { return static_cast<int64_t>(pairs_.size()); }
  /// [P] numbers of tokens.
  PairValues lengths() const;
  /// The same sums of all answers, from logprobs of all their tokens [num_tokens] float32 that
  /// `score` gives for (microbatches, num_tokens).
  at::Tensor scored(
      const std::function<at::Tensor(const std::vector<Microbatch>&, int64_t)>& score) const;
  /// Sums of scores over each answer's tokens, in double: [2 P], in the answers' order.
  /// @param scores  [S] of one microbatch; answers that it does not hold are 0.
  at::Tensor sums_by_answer(const Microbatch& microbatch, const at::Tensor& scores) const;

 private:
  std::vector<const AnswerPair*> pairs_;
  std::vector<std::vector<int32_t>> tokens_;  ///< of answers, with what `last_row` puts behind
  std::vector<Microbatch> microbatches_;
  int64_t num_tokens_ = 0;
};

/// [2 P] in the answers' order as pairs.
PairValues as_pairs(const at::Tensor& by_answer);

/// What a microbatch's answers are worth, from which the loss of all pairs is made: [2 P] double,
/// 0 at answers of other microbatches; carries the gradient.
using AnswerValues =
    std::function<at::Tensor(const Microbatch&, const policy::Scores&, const at::Tensor& hidden)>;
/// The loss of the batch from the values of all its answers.
using PairLoss = std::function<at::Tensor(const PairValues&)>;

/// One optimizer step on pairs, whatever their loss looks at: where the batch is one microbatch its
/// loss is differentiated through; else all answers are valued first, without gradient, and each
/// microbatch is then given the loss's slope in its own answers' values, so that the split changes
/// the gradient by rounding alone.
///
/// @param values  [2 P] of all answers, as the step found them, for figures.
TrainingStepResult train_on_pairs(const TrainingStep& step, const PairBatch& batch,
                                  const AnswerValues& answers, const PairLoss& loss,
                                  bool reads_hidden, UpdateResult& update, at::Tensor& values);

/// The values of all answers without gradient, [2 P] double. @throws Stopped
at::Tensor value_pairs(const TrainingStep& step, const PairBatch& batch,
                       const AnswerValues& answers, bool reads_hidden, UpdateCost& cost);

}  // namespace gradus::rl
