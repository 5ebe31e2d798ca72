#include "rl/stages/sampled_evaluation.h"

#include <fmt/format.h>

#include <utility>

namespace gradus::rl {

EvalPlan eval_plan(const RunConfig& config) {
  EvalPlan plan{config.eval, config.rewards, config.rollout.sampling, config.run.seed};
  if (!config.eval.rewards.empty()) plan.rewards = config.eval.rewards;
  // Held-out problems are asked as those of training were, unless the recipe says how.
  rollout::DataConfig& data = plan.eval.data;
  const bool has_own_words = !data.template_text.empty() || !data.system.empty();
  if (!has_own_words) {
    data.template_text = config.data.template_text;
    data.system = config.data.system;
  }
  if (data.chat_template.empty()) data.chat_template = config.data.chat_template;
  data.chat = data.chat && config.data.chat;
  return plan;
}

std::optional<EvalReport> evaluate_by_sampling(const StepContext& context, Learner& learner,
                                               Evaluator& evaluator, rollout::RolloutPool& pool) {
  Run& run = context.run;
  const double begin = run.clock().now_s();
  const auto result = evaluator.evaluate(
      learner.policy(), pool, learner.threads(), run.stop(),
      [&](int64_t done, int64_t total) { run.observer().on_progress(done, total); });
  if (!result) return std::nullopt;
  for (const auto& [what, counts] :
       {std::pair{"failed", &result->rule_failed}, std::pair{"timed out", &result->rule_timed_out}})
    for (const auto& [rule, count] : *counts)
      run.observer().on_warning(
          fmt::format("step {}: evaluation: {} grades of rule {} {}; they are not in its mean",
                      context.step, count, rule, what));
  const double seconds = run.clock().now_s() - begin;
  EvalReport report{eval_metrics(*result), result->accuracy.value, {}, eval_lines(*result)};
  report.metrics["time/eval"] = seconds;
  report.cost = {"evaluate",
                 context.step,
                 seconds,
                 seconds,
                 result->prompt_tokens + result->completion_tokens,
                 result->flops};
  return report;
}

}  // namespace gradus::rl
