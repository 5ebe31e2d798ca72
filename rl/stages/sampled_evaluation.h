#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "rl/evaluation/evaluate.h"
#include "rl/learn/learner.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// What of a recipe an evaluation by sampling needs, for the problems of eval.data. Held-out
/// problems inherit how prompts of training are put: `template` and `system` where eval.data has
/// neither, `chat_template`, and chat = false.
EvalPlan eval_plan(const RunConfig& config);

/// That of eval.data, under an empty name, where there is any, and that of each of eval.sets.
std::vector<std::pair<std::string, EvalPlan>> eval_plans(const RunConfig& config);

/// Takes the figures of one part over, those of a set as eval/NAME/...; times are left out.
/// @param set  its name; empty: of eval.data.
void add_figures(const EvalResult& result, const std::string& set, Metrics& metrics);

/// Everything that a recipe evaluates by sampling, as a stage reports it.
///
/// Figures of eval.data are eval/..., those of a set eval/NAME/...; without eval.data,
/// eval/accuracy is the plain mean over the sets. It is the report's score as well.
class SampledEvaluation {
 public:
  /// @throws ConfigError, FileError  as Evaluator says.
  SampledEvaluation(const RunConfig& config, const policy::LoadedTokenizer& tokenizer,
                    int max_context);

  /// Nothing when it was stopped.
  std::optional<EvalReport> evaluate(const StepContext& context, Learner& learner,
                                     rollout::RolloutPool& pool);

 private:
  std::vector<std::pair<std::string, std::unique_ptr<Evaluator>>> parts_;  ///< by name
};

}  // namespace gradus::rl
