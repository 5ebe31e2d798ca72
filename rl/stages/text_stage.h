#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "rl/evaluation/evaluate.h"
#include "rl/run/run.h"
#include "rl/stages/text_source.h"

namespace gradus::rl {

/// Supervised fine-tuning and pre-training:
///
///     take texts from the cursor on, about batch_tokens of them -> update_on_text
///
/// A step is a function of (recipe, seed, cursor). Evaluations measure the loss on
/// `text.eval_path`, and, where eval.data is given, accuracy by sampling.
class TextTrainer : public StepTask {
 public:
  explicit TextTrainer(TrainingRun& run);

  std::optional<StepReport> make_step(TrainingRun& run, int64_t step) override;
  bool can_evaluate() const override { return held_out_ != nullptr || evaluator_.has_value(); }
  std::optional<EvalReport> evaluate(TrainingRun& run, int64_t step) override;

 private:
  std::vector<TextExample> take(int64_t& cursor) const;
  bool add_loss(TrainingRun& run, EvalReport& report) const;

  const RunConfig& config_;
  MixtureTraining mixture_;
  std::unique_ptr<TextSource> texts_;
  std::unique_ptr<TextSource> held_out_;  ///< null: no text.eval_path
  std::optional<Evaluator> evaluator_;
};

/// Mean negative log-likelihood, in nats, of the targets of `examples`: sum and number of terms.
struct TextLoss {
  double sum = 0.0;
  int64_t num_targets = 0;
};
TextLoss text_loss(const policy::Policy& policy, const std::vector<TextExample>& examples,
                   ThreadTeam& team);

}  // namespace gradus::rl
