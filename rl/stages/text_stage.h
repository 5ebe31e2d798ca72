#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "rl/stages/sampled_evaluation.h"
#include "rl/stages/stage.h"
#include "rl/stages/text_source.h"

namespace gradus::rl {

/// What fine-tuning and pre-training differ in.
struct TextTask {
  std::unique_ptr<TextSource> texts;
  std::unique_ptr<TextSource> held_out;  ///< null: no text.eval_path
  MixtureTraining mixture;
  /// The step on some texts in place of update_on_text; empty: that one.
  std::function<UpdateResult(const std::vector<TextExample>&, double learning_rate,
                             const StepEnvironment&)>
      update = {};
};

/// Training on text, of every kind:
///
///     take texts from the cursor on, about batch_tokens of them -> update_on_text
///
/// A step is a function of (recipe, seed, cursor). Evaluations measure the loss on the held-out
/// texts, and, where eval.data is given, accuracy by sampling.
class TextStage : public Stage {
 public:
  TextStage(const RunConfig& config, Learner& learner, TextTask task);

  std::optional<StepReport> step(const StepContext& context) override;
  void describe_data(RunOpening& opening) const override;
  RunLength length_of(double epochs) const override;
  bool can_evaluate() const override {
    return task_.held_out != nullptr || evaluation_.has_value();
  }
  std::optional<EvalReport> evaluate(const StepContext& context) override;
  std::string memory() const override { return has_told_of_cut_ ? "cut" : ""; }
  void recall(const std::string& memory) override { has_told_of_cut_ = memory == "cut"; }

 private:
  std::vector<TextExample> take(int64_t& cursor) const;
  void tell_of_cut(const StepContext& context, const std::vector<TextExample>& examples,
                   Metrics& metrics);
  bool add_loss(const Run& run, EvalReport& report) const;

  const RunConfig& config_;
  Learner& learner_;
  TextTask task_;
  std::optional<SampledEvaluation> evaluation_;
  bool has_told_of_cut_ = false;
};

/// StageKind's estimates of training on text.
StepCost estimate_text(const RunConfig& config, const policy::ModelConfig& model,
                       int64_t prompt_tokens);
int64_t text_rows(const RunConfig& config);

/// Mean negative log-likelihood, in nats, of the targets of `examples`: sum and number of terms.
struct TextLoss {
  double sum = 0.0;
  int64_t num_targets = 0;
};
TextLoss text_loss(const policy::Policy& policy, const std::vector<TextExample>& examples,
                   ThreadTeam& team);

}  // namespace gradus::rl
