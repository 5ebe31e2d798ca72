#pragma once

#include <optional>

#include "rl/evaluation/evaluate.h"
#include "rl/learn/learner.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// What of a recipe an evaluation by sampling needs. Held-out problems inherit how prompts of
/// training are put: `template` and `system` where eval.data has neither, `chat_template`, and
/// chat = false.
EvalPlan eval_plan(const RunConfig& config);

/// An evaluation by sampling, as a stage reports it. Nothing when it was stopped.
std::optional<EvalReport> evaluate_by_sampling(const StepContext& context, Learner& learner,
                                               Evaluator& evaluator, rollout::RolloutPool& pool);

}  // namespace gradus::rl
