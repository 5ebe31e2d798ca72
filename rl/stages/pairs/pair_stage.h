#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/stages/pairs/pair_batch.h"
#include "rl/stages/pairs/pair_config.h"
#include "rl/stages/pairs/pair_source.h"
#include "rl/stages/sampled_evaluation.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// What training on preferences and training a reward model differ in.
class PairTask {
 public:
  virtual ~PairTask() = default;
  virtual PairBatch::Read read() const = 0;
  /// What of an answer's microbatch its value is.
  virtual at::Tensor values(const PairBatch& batch, const Microbatch& microbatch,
                            const policy::Scores& scores, const at::Tensor& hidden) const = 0;
  /// Makes what the loss compares with ready for these rows of the source, before weights move.
  /// @throws Stopped
  virtual void prepare(const PairSource&, bool /*is_held_out*/, const TrainingStep&) {}
  /// The loss of the batch's pairs. @param rows  of the source, one a pair.
  virtual at::Tensor loss(const PairSource& source, bool is_held_out,
                          const std::vector<int64_t>& rows, const PairBatch& batch,
                          const PairValues& values) const = 0;
  /// Figures of the batch, by names without "eval/".
  virtual void report(const PairSource& source, bool is_held_out, const std::vector<int64_t>& rows,
                      const PairBatch& batch, const PairValues& values, Metrics& metrics) const = 0;
  /// Seconds and tokens that prepare took since the last call; nothing where it did nothing.
  virtual std::optional<LedgerEntry> take_cost(int64_t) { return std::nullopt; }
};

/// Training on pairs of answers, of either kind:
///
///     take batch_pairs pairs from the cursor on -> values of their answers -> loss -> step
///
/// A step is a function of (recipe, seed, cursor). Evaluations measure loss and accuracy on
/// held-out pairs and, where there are problems to answer and the stage trains the policy, by
/// sampling.
class PairStage : public Stage {
 public:
  PairStage(const RunConfig& config, const PairBatchConfig& batch, Run& run, Learner& learner,
            std::unique_ptr<PairTask> task, bool samples);

  std::optional<StepReport> step(const StepContext& context) override;
  void describe_data(RunOpening& opening) const override;
  RunLength length_of(double epochs) const override;
  bool can_evaluate() const override { return held_out_.has_value() || evaluation_.has_value(); }
  std::optional<EvalReport> evaluate(const StepContext& context) override;

 private:
  TrainingStep training_step(const Run& run, double learning_rate);
  AnswerValues answers_of(const PairBatch& batch) const;
  std::vector<const AnswerPair*> pairs_at(const PairSource& source,
                                          const std::vector<int64_t>& rows) const;
  bool add_held_out(const StepContext& context, EvalReport& report);

  const RunConfig& config_;
  const PairBatchConfig& batch_;
  Learner& learner_;
  std::unique_ptr<PairTask> task_;
  PairSource pairs_;
  std::optional<PairSource> held_out_;
  std::optional<SampledEvaluation> evaluation_;
  MixtureTraining mixture_;
};

/// StageKind's estimates of training on pairs.
StepCost estimate_pairs(const RunConfig& config, const PairBatchConfig& batch,
                        const policy::ModelConfig& model, int64_t prompt_tokens);

/// What no single setting can say of the data of pairs.
void check_pairs(const RunConfig& config, const char* task, const std::string& source);

}  // namespace gradus::rl
