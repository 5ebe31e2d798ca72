#include "rl/stages/sampled_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "policy/kernels/product_count.h"

namespace gradus::rl {
namespace {

// Held-out problems are asked as those of training were, unless the recipe says how.
void inherit_words(const rollout::DataConfig& training, rollout::DataConfig& data) {
  const bool has_own_words = !data.template_text.empty() || !data.system.empty();
  if (!has_own_words) {
    data.template_text = training.template_text;
    data.system = training.system;
  }
  if (data.chat_template.empty()) data.chat_template = training.chat_template;
  data.chat = data.chat && training.chat;
}

EvalPlan plan_of(const RunConfig& config, const EvalSet& set) {
  EvalPlan plan = eval_plan(config);
  EvalConfig& eval = plan.eval;
  plan.place = fmt::format("eval.sets ({})", set.name);
  eval.data = set.data;
  eval.seed = set.seed.value_or(eval.seed);
  eval.samples = set.samples.value_or(eval.samples);
  eval.temperature = set.temperature.value_or(eval.temperature);
  eval.max_tokens = set.max_tokens.value_or(eval.max_tokens);
  eval.answer_rule = set.answer_rule.value_or(eval.answer_rule);
  eval.right_from = set.right_from.value_or(eval.right_from);
  if (!set.rewards.empty()) plan.rewards = set.rewards;
  inherit_words(config.data, eval.data);
  return plan;
}

void warn_of_broken_grades(const StepContext& context, const EvalResult& result,
                           const std::string& set) {
  for (const auto& [what, counts] :
       {std::pair{"failed", &result.rule_failed}, std::pair{"timed out", &result.rule_timed_out}})
    for (const auto& [rule, count] : *counts)
      context.run.observer().on_warning(
          fmt::format("step {}: evaluation{}: {} grades of rule {} {}; they are not in its mean",
                      context.step, set.empty() ? "" : " of " + set, count, rule, what));
}

}  // namespace

void add_figures(const EvalResult& result, const std::string& set, Metrics& metrics) {
  constexpr std::string_view kEval = "eval/";
  for (const auto& [name, metric] : eval_metrics(result)) {
    if (!name.starts_with(kEval)) continue;  // the time is the whole evaluation's
    metrics[set.empty() ? name : fmt::format("eval/{}/{}", set, name.substr(kEval.size()))] =
        metric.value;
  }
}

EvalPlan eval_plan(const RunConfig& config) {
  EvalPlan plan{config.eval, config.rewards, config.rollout.sampling, config.run.seed};
  if (!config.eval.rewards.empty()) plan.rewards = config.eval.rewards;
  inherit_words(config.data, plan.eval.data);
  return plan;
}

std::vector<std::pair<std::string, EvalPlan>> eval_plans(const RunConfig& config) {
  std::vector<std::pair<std::string, EvalPlan>> plans;
  if (config.eval.has_data()) plans.emplace_back("", eval_plan(config));
  for (const EvalSet& set : config.eval.sets) plans.emplace_back(set.name, plan_of(config, set));
  return plans;
}

SampledEvaluation::SampledEvaluation(const RunConfig& config,
                                     const policy::LoadedTokenizer& tokenizer, int max_context) {
  for (const auto& [name, plan] : eval_plans(config))
    parts_.emplace_back(name, std::make_unique<Evaluator>(plan, tokenizer, max_context));
}

std::optional<EvalReport> SampledEvaluation::evaluate(const StepContext& context, Learner& learner,
                                                      rollout::RolloutPool& pool) {
  Run& run = context.run;
  const double begin = run.clock().now_s();
  const int64_t counted_begin = policy::kernels::counted_products();
  EvalReport report;
  report.cost = {"evaluate", context.step};
  double sum = 0.0;
  for (auto& [set, evaluator] : parts_) {
    const auto result = evaluator->evaluate(
        learner.policy(), pool, learner.threads(), run.stop(),
        [&](int64_t done, int64_t total) { run.observer().on_progress(done, total); },
        &learner.communicator());
    if (!result) return std::nullopt;
    warn_of_broken_grades(context, *result, set);
    add_figures(*result, set, report.metrics);
    report.samples += eval_lines(*result, set);
    report.cost.tokens += result->prompt_tokens + result->completion_tokens;
    report.cost.sampled += result->completion_tokens;
    report.cost.graded += result->completion_tokens;
    report.cost.flops += result->flops;
    sum += result->accuracy.value;
  }
  if (!report.metrics.contains("eval/accuracy"))
    report.metrics["eval/accuracy"] = sum / static_cast<double>(parts_.size());
  report.score = report.metrics.at("eval/accuracy");
  const double seconds = run.clock().now_s() - begin;
  report.metrics["time/eval"] = seconds;
  report.cost.seconds = seconds;
  report.cost.device_seconds = seconds;
  report.cost.counted_flops =
      2.0 * static_cast<double>(policy::kernels::counted_products() - counted_begin);
  return report;
}

}  // namespace gradus::rl
