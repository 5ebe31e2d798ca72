#include <fmt/format.h>

#include <utility>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/collect/collector.h"
#include "rl/learn/schedule.h"
#include "rl/learn/work_model.h"
#include "rl/observe/group_metrics.h"
#include "rl/observe/samples.h"
#include "rl/stages/distill/jsd_update.h"
#include "rl/stages/distill/teacher.h"
#include "rl/stages/distill/text_distillation.h"
#include "rl/stages/sampled_evaluation.h"
#include "rl/stages/sampling_stage.h"
#include "rl/stages/stage.h"
#include "rl/stages/text_stage.h"
#include "rl/update/reference_policy.h"
#include "rl/update/update.h"
#include "rl/update/update_report.h"
#include "rollout/engine/sampler.h"

namespace gradus::rl {
namespace {

CollectSettings student_settings(const RunConfig& config) {
  CollectSettings settings =
      collect_settings(config, config.rl.group_size, config.rl.prompts_per_step);
  settings.samples_greedy =
      !config.rewards.empty() && advantage_estimators().at(config.rl.advantage).needs_greedy;
  settings.stop_properly_coef = config.rl.stop_properly_coef;
  return settings;
}

AlgorithmConfig student_algorithm(const RunConfig& config) {
  AlgorithmConfig algorithm = config.rl;
  if (config.distill.form == DistillForm::loss) algorithm.loss = "opd";
  return algorithm;
}

/// On-policy distillation, step by step:
///
///     sample ──▶ the teacher scores the same tokens ──▶ advantages, or the loss ──▶ step
///
/// A step is a function of (recipe, seed, step, cursor).
class DistillStage : public Stage {
 public:
  DistillStage(const RunConfig& config, Run& run, Learner& learner)
      : config_(config),
        learner_(learner),
        algorithm_(student_algorithm(config)),
        teacher_(config.distill, learner),
        collector_(student_settings(config), run, learner),
        reference_(run.directory().path() / "reference", config.model, config.rl,
                   learner.starting_adapters(), learner.communicator()),
        mixture_(resolve(config.rl.moe, learner.policy(), "rl.moe", false)) {
    if (config_.eval.has_problems())
      evaluation_.emplace(config_, learner.tokenizer(), learner.max_context());
  }

  std::optional<StepReport> step(const StepContext& context) override {
    const Clock& clock = context.run.clock();
    const double begin = clock.now_s();
    auto collection = collector_.collect(context.step, context.cursor);
    if (!collection) return std::nullopt;
    learner_.keeper().begin(int64_t{algorithm_.epochs} * algorithm_.minibatches);
    context.run.observer().on_phase(context.step, "update");
    UpdateCost teaching;
    UpdateResult update = config_.distill.form == DistillForm::jsd
                              ? learn_distributions(context, collection->used)
                              : learn_tokens(context, collection->used, teaching);
    return report(context, std::move(*collection), update, teaching, clock.now_s() - begin);
  }

  void describe_data(RunOpening& opening) const override {
    const rollout::PromptSource& prompts = collector_.prompts();
    const rollout::Prompt first = prompts.at(0);
    opening.num_rows = prompts.size();
    opening.num_left_out = std::ssize(prompts.skipped());
    opening.first_text = first.text;
    opening.first_text_tokens = std::ssize(first.tokens);
  }

  RunLength length_of(double epochs) const override {
    const int64_t end = end_of_epochs(epochs, collector_.prompts().size());
    const int64_t prompts = config_.rl.prompts_per_step;
    return {(end + prompts - 1) / prompts, end};
  }

  bool can_evaluate() const override { return evaluation_.has_value(); }
  std::optional<EvalReport> evaluate(const StepContext& context) override {
    return evaluation_->evaluate(context, learner_, collector_.pool());
  }

 private:
  double learning_rate(const StepContext& context) const {
    return learning_rate_at(config_.optim, context.step - 1, config_.run.steps);
  }

  UpdateResult learn_tokens(const StepContext& context, std::vector<Group>& groups,
                            UpdateCost& teaching) {
    const auto scores =
        teacher_.scores(groups, algorithm_.microbatch_tokens, environment_of(context.run, learner_),
                        teaching, learner_.team());
    const bool has_rewards = !config_.rewards.empty();
    if (has_rewards) assign_advantages(groups, algorithm_);
    const double kl = apply_teacher(groups, scores, config_.distill, has_rewards);
    const Reference reference = reference_.at(context.step, learner_.policy(), 0, learner_.team());
    UpdateResult update =
        update_policy(learner_.policy(), reference, learner_.optimizer(), groups, algorithm_,
                      learning_rate(context), config_.rollout.sampling.temperature,
                      config_.run.seed, static_cast<uint64_t>(context.step), learner_.team(),
                      environment_of(context.run, learner_));
    update.metrics["teacher_kl"] = kl;
    return update;
  }

  UpdateResult learn_distributions(const StepContext& context, const std::vector<Group>& groups) {
    std::vector<PackItem> items;
    for (size_t g = 0; g < groups.size(); ++g)
      for (const auto& completion : groups[g].completions) {
        if (!is_trainable(completion)) continue;
        PackItem item;
        item.prefix_id = static_cast<int32_t>(g);
        item.prefix = groups[g].prompt.tokens;
        item.tokens = completion.tokens;
        items.push_back(item);
      }
    const TrainingStep step{learner_.policy(),
                            learner_.optimizer(),
                            learning_rate(context),
                            1.0,
                            learner_.team(),
                            0.0,
                            policy::PredictionGradient::module_alone,
                            mixture_,
                            environment_of(context.run, learner_)};
    return update_on_distributions(step, teacher_.policy(), items, algorithm_.microbatch_tokens,
                                   jsd_form(config_.distill));
  }

  StepReport report(const StepContext& context, Collection collection, const UpdateResult& update,
                    const UpdateCost& teaching, double seconds) {
    const WorkModel work(learner_.policy().model_config(), learner_.policy().policy_config());
    const double sample_flops = rollout_flops(work, collection.used);
    const double update_s = seconds - collection.sample_s - collection.grade_s;
    const auto names = collector_.rule_names();
    StepReport report;
    report.metrics = group_metrics(collection.used, names);
    for (const auto& [name, metric] : update.metrics) report.metrics[name] = metric;
    report.lists = update.lists;
    report.metrics["prompts/consumed"] = static_cast<double>(collection.cursor);
    report.metrics["time/step"] = seconds;
    report.metrics["time/rewards"] = collection.grade_s;
    add_rollout_metrics(collection.stats, collection.sample_s, sample_flops, report.metrics);
    const double update_flops = update.cost.trained_flops + update.cost.scored_flops;
    add_update_metrics(update, update_flops, report.metrics);
    report.cursor = collection.cursor;
    report.num_tokens = num_tokens(collection.used);
    if (update.num_steps == 0 && update.skipped.num_not_finite > 0)
      report.skip_reason = update.skipped.reason;
    const int64_t step = context.step;
    const int64_t sampled = collection.stats.prompt_tokens + collection.stats.completion_tokens;
    LedgerEntry rollout{"rollout",           step,    collection.sample_s,
                        collection.sample_s, sampled, sample_flops};
    rollout.sampled = collection.stats.completion_tokens;
    LedgerEntry rewards{"rewards", step, collection.grade_s, collection.grade_s, 0, 0.0};
    const double own_s = update_s - teaching.logprobs_s;
    LedgerEntry updated{
        "update",    step, own_s, own_s, update.cost.trained_tokens + update.cost.scored_tokens,
        update_flops};
    updated.trained = update.cost.trained_tokens;
    report.ledger = {rollout,
                     rewards,
                     {"teacher", step, teaching.logprobs_s, teaching.logprobs_s,
                      teaching.scored_tokens, teaching.scored_flops},
                     updated};
    report.samples = sample_lines(
        step, collection.used, collection.used.size(), names,
        sampled_tokens(config_.run, step, *learner_.tokenizer().tokenizer, &update.tokens));
    return report;
  }

  const RunConfig& config_;
  Learner& learner_;
  AlgorithmConfig algorithm_;
  Teacher teacher_;
  Collector collector_;
  std::optional<SampledEvaluation> evaluation_;
  ReferencePolicy reference_;
  MixtureTraining mixture_;
};

void check_distill(const RunConfig& c, const std::string& source) {
  const auto refuse = [&](const std::string& what) { throw ConfigError(source + ": " + what); };
  if (c.distill.teacher.empty())
    refuse("distill.teacher: is empty. Name the teacher's checkpoint, or a run's final/");
  if (c.data.path.empty() && c.data.task.empty())
    refuse(
        "data.path: is empty, and so is data.task. Name a JSONL file of prompts, or a "
        "generated task");
  if (!c.distill.on_policy) {
    if (c.distill.form != DistillForm::jsd)
      refuse(
          "distill.on_policy: must be true unless distill.form is jsd: advantages and ratios are "
          "of tokens that the student sampled. For a teacher's texts alone: run.task = \"sft\"");
    return;
  }
  if (c.rollout.sampling.temperature < rollout::kLeastTemperature)
    refuse(fmt::format("rollout.temperature: is {}, must be >= {}; try 1.0",
                       c.rollout.sampling.temperature, rollout::kLeastTemperature));
  if (c.rl.kl_in_reward)
    refuse("rl.kl_in_reward: must be false; a KL term to the reference stands in the loss here");
}

StepCost estimate_distill(const RunConfig& c, const policy::ModelConfig& model,
                          int64_t prompt_tokens) {
  if (!c.distill.on_policy) return estimate_text(c, model, prompt_tokens);
  const int64_t completion = c.rollout.sampling.max_tokens;
  const int64_t completions = int64_t{c.rl.prompts_per_step} * c.rl.group_size;
  StepCost cost;
  const WorkModel work(model, c.model);
  const auto all = [&](double prompt, double each) {
    return c.rl.prompts_per_step * prompt + static_cast<double>(completions) * each;
  };
  cost.rollout_flops = all(work.decode(0, prompt_tokens, 1),
                           work.decode(prompt_tokens, completion - 1, completion - 1));
  cost.rollout_tokens = c.rl.prompts_per_step * prompt_tokens + completions * completion;
  cost.trained_tokens = cost.rollout_tokens * c.rl.epochs;
  // The teacher's pass is taken to be as dear as one of the student's.
  cost.train_flops = c.rl.epochs * all(work.training(0, prompt_tokens, 0),
                                       work.training(prompt_tokens, completion - 1, completion)) +
                     all(work.forward(0, prompt_tokens, 0),
                         work.forward(prompt_tokens, completion - 1, completion));
  return cost;
}

}  // namespace

extern const StageKind kDistillStage;
const StageKind kDistillStage{
    .name = "distill",
    .text = "towards a teacher (distill.teacher), on what the student samples or on `data`",
    .samples = true,
    .check = check_distill,
    .make = [](const RunConfig& config, Run& run, Learner& learner) -> std::unique_ptr<Stage> {
      if (!config.distill.on_policy) return make_text_distillation(config, run, learner);
      return std::make_unique<DistillStage>(config, run, learner);
    },
    .estimate = estimate_distill,
    .microbatch_rows =
        [](const RunConfig& config) {
          return config.distill.on_policy ? config.rl.microbatch_tokens : text_rows(config);
        }};

}  // namespace gradus::rl
