#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "policy/kernels/product_count.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/collect/collector.h"
#include "rl/collect/sampling_schedule.h"
#include "rl/learn/schedule.h"
#include "rl/learn/work_model.h"
#include "rl/observe/group_metrics.h"
#include "rl/observe/reward_watch.h"
#include "rl/observe/samples.h"
#include "rl/stages/sampled_evaluation.h"
#include "rl/stages/sampling_stage.h"
#include "rl/stages/stage.h"
#include "rl/update/coefficients.h"
#include "rl/update/completion_scores.h"
#include "rl/update/reference_policy.h"
#include "rl/update/update.h"
#include "rl/update/update_report.h"
#include "rollout/engine/sampler.h"

namespace gradus::rl {
namespace {

/// FLOPs of the kernels' products up to now.
double counted_flops() {
  return 2.0 * static_cast<double>(policy::kernels::counted_products());
}

// Before anything is sampled: what the model can not do.
void check_mixtures(const RunConfig& config, const policy::Policy& policy) {
  resolve(config.rl.moe, policy, "rl.moe", false);
  if (config.rl.routing != RoutingUse::off &&
      policy::num_mixture_layers(policy.model_config()) == 0)
    throw ConfigError("rl.routing: the model has no mixture of experts; set it to off");
}

CollectSettings grpo_settings(const RunConfig& config) {
  CollectSettings settings =
      collect_settings(config, config.rl.group_size, config.rl.prompts_per_step);
  settings.stop_properly_coef = config.rl.stop_properly_coef;
  settings.samples_greedy = advantage_estimators().at(config.rl.advantage).needs_greedy;
  settings.keeps_experts = config.rl.routing != RoutingUse::off;
  if (config.rl.dynamic_sampling.enable) {
    settings.max_rounds = config.rl.dynamic_sampling.max_batches;
    settings.is_kept = [rl = config.rl](const Group& group) { return has_signal(group, rl); };
  }
  return settings;
}

/// Reinforcement learning, step by step:
///
///     collect ──▶ advantage ──▶ loss ──▶ step ──▶ publish
///       ▲                                            │
///       └────── policy weights, version n + 1 ◀──────┘
///
///   collect    rl/collect/collector.h: sample, grade, keep
///   advantage  each completion against its group
///   loss, step, publish   rl/update/update.h
///
/// With dynamic sampling, groups whose rewards are all exactly equal are left out of the update and
/// replaced, up to max_batches times; where that ends short, the update has fewer groups, or none.
/// A step is a function of (recipe, seed, step, cursor).
class GrpoStage : public Stage {
 public:
  GrpoStage(const RunConfig& config, Run& run, Learner& learner)
      : config_(config),
        learner_(learner),
        coefficients_(config.rl),
        collector_(grpo_settings(config), run, learner),
        schedule_(config.schedule, config.rollout.sampling),
        reference_(run.directory().path() / "reference", config.model, config.rl,
                   learner.starting_adapters(), learner.communicator()) {
    check_mixtures(config_, learner.policy());
    if (config_.eval.has_problems())
      evaluation_.emplace(config_, learner.tokenizer(), learner.max_context());
  }

  std::optional<StepReport> step(const StepContext& context) override {
    const Clock& clock = context.run.clock();
    const double begin = clock.now_s();
    const double counted_begin = counted_flops();
    const rollout::SamplingConfig sampling = schedule_.at(context.step);
    auto collection = collector_.collect(context.step, context.cursor, sampling);
    if (!collection) return std::nullopt;
    std::vector<int64_t> saved;  // what a renewed reference must be kept for
    if (reference_.is_renewed()) saved = context.run.checkpoints().steps();
    const Reference reference = reference_.at(context.step, learner_.policy(),
                                              saved.empty() ? 0 : saved.front(), learner_.team());
    const double counted_rollout = counted_flops() - counted_begin;
    const AlgorithmConfig algorithm = coefficients_.current();
    UpdateCost kl_cost;
    const double reward_kl = take_kl_from_rewards(context.run, reference, sampling.temperature,
                                                  collection->used, algorithm, kl_cost);
    assign_advantages(collection->used, algorithm);
    learner_.keeper().begin(int64_t{config_.rl.epochs} * config_.rl.minibatches);
    context.run.observer().on_phase(context.step, "update");
    const double learning_rate =
        learning_rate_at(config_.optim, context.step - 1, config_.run.steps);
    UpdateResult update = update_policy(
        learner_.policy(), reference, learner_.optimizer(), collection->used, algorithm,
        learning_rate, sampling.temperature, config_.run.seed, static_cast<uint64_t>(context.step),
        learner_.team(), environment_of(context.run, learner_));
    update.cost.scored_tokens += kl_cost.scored_tokens;
    update.cost.scored_flops += kl_cost.scored_flops;
    if (algorithm.kl_in_reward) update.metrics["kl"] = reward_kl;
    coefficients_.follow(static_cast<double>(collection->used.size()) * algorithm.group_size,
                         update.metrics);
    auto made = report(context, std::move(*collection), update, clock.now_s() - begin);
    made.ledger.front().counted_flops = counted_rollout;
    made.ledger.back().counted_flops = counted_flops() - counted_begin - counted_rollout;
    return made;
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
    return {(end + prompts - 1) / prompts, end};  // replaced groups end it earlier
  }

  bool can_evaluate() const override { return evaluation_.has_value(); }

  std::optional<EvalReport> evaluate(const StepContext& context) override {
    auto report = evaluation_->evaluate(context, learner_, collector_.pool());
    if (!report) return std::nullopt;
    for (const auto& warning : watch_.look_at_eval(context.step, report->score))
      context.run.observer().on_warning(warning);
    return report;
  }

  std::string memory() const override {
    const std::string schedule = schedule_.memory();
    if (schedule.empty() && !coefficients_.are_steered()) return watch_.memory();
    return dump_json({{"watch", watch_.memory()},
                      {"schedule", schedule},
                      {"coefficients", coefficients_.memory()}});
  }
  void recall(const std::string& memory) override {
    const bool has_parts = !schedule_.memory().empty() || coefficients_.are_steered();
    if (memory.empty() || !has_parts) return watch_.recall(memory);
    const auto parts = parse_json(memory, "state.json: memory");
    watch_.recall(parts.value("watch", ""));
    if (!schedule_.memory().empty()) schedule_.recall(parts.value("schedule", ""));
    if (coefficients_.are_steered()) coefficients_.recall(parts.value("coefficients", ""));
  }

 private:
  /// What rl.kl_in_reward takes from every token; the mean of the KL.
  double take_kl_from_rewards(const Run& run, const Reference& reference, double temperature,
                              std::vector<Group>& groups, const AlgorithmConfig& algorithm,
                              UpdateCost& cost) {
    if (!algorithm.kl_in_reward) return 0.0;
    const auto batch = pack_completions(groups, config_.rl.microbatch_tokens);
    const ScoringPass pass{learner_.policy(), temperature, true, false,
                           environment_of(run, learner_)};
    const auto old = scores_by_completion(
        groups, score_tokens(pass, batch.microbatches, batch.num_tokens, cost, learner_.team()));
    const auto others = scores_by_completion(
        groups, score_reference(learner_.policy(), reference, pass, batch.microbatches,
                                batch.num_tokens, cost, learner_.team()));
    return penalise(groups, old, others, algorithm);
  }

  StepReport report(const StepContext& context, Collection collection, const UpdateResult& update,
                    double seconds) {
    const WorkModel work(learner_.policy().model_config(), learner_.policy().policy_config());
    const size_t num_used = collection.used.size();
    const double all_flops =
        rollout_flops(work, collection.used) + rollout_flops(work, collection.dropped);
    const double update_s = seconds - collection.sample_s - collection.grade_s;
    std::vector<Group> groups = std::move(collection.used);
    std::ranges::move(collection.dropped, std::back_inserter(groups));
    const auto names = collector_.rule_names();
    for (const auto& warning : watch_.look_at(context.step, groups, names))
      context.run.observer().on_warning(warning);

    StepReport report;
    report.metrics = group_metrics(groups, names);
    for (const auto& [name, metric] : update.metrics) report.metrics[name] = metric;
    report.lists = update.lists;
    add_collection_metrics(collection, groups, num_used, report.metrics);
    report.metrics["time/step"] = seconds;
    report_schedule(context.step, report.metrics);
    for (size_t rule = 0; rule < names.size(); ++rule)
      report.metrics["time/rewards/" + names[rule]] = collection.rule_s[rule];
    add_rollout_metrics(collection.stats, collection.sample_s, all_flops, report.metrics);
    const double update_flops = update.cost.trained_flops + update.cost.scored_flops;
    add_update_metrics(update, update_flops, report.metrics);

    const int64_t sampled = collection.stats.prompt_tokens + collection.stats.completion_tokens;
    report.cursor = collection.cursor;
    report.num_tokens = num_tokens(groups);
    // A batch without anything to train on leaves the weights alone as well; that is no fault of
    // theirs.
    if (update.num_steps == 0 && update.skipped.num_not_finite > 0)
      report.skip_reason = update.skipped.reason;
    const int64_t step = context.step;
    LedgerEntry rollout{"rollout",           step,    collection.sample_s,
                        collection.sample_s, sampled, all_flops};
    rollout.sampled = collection.stats.completion_tokens;
    LedgerEntry rewards{"rewards", step, collection.grade_s, collection.grade_s, 0, 0.0};
    rewards.graded = num_completion_tokens(groups);
    LedgerEntry updated{"update",
                        step,
                        update_s,
                        update_s,
                        update.cost.trained_tokens + update.cost.scored_tokens,
                        update_flops};
    updated.trained = update.cost.trained_tokens;
    report.ledger = {rollout, rewards, updated};
    report.samples = sample_lines(
        step, groups, num_used, names,
        sampled_tokens(config_.run, step, *learner_.tokenizer().tokenizer, &update.tokens));
    return report;
  }

  /// What was sampled with, where it changes; and what the next step may take from how it went.
  void report_schedule(int64_t step, Metrics& metrics) {
    const rollout::SamplingConfig sampling = schedule_.at(step);
    if (!config_.schedule.max_tokens.empty()) metrics["schedule/max_tokens"] = sampling.max_tokens;
    if (!config_.schedule.temperature.empty())
      metrics["schedule/temperature"] = sampling.temperature;
    const auto cut_off = metrics.values().find("completions/clipped_ratio");
    schedule_.look_at(step, cut_off == metrics.values().end() ? 0.0 : cut_off->second);
  }

  void add_collection_metrics(const Collection& collection, const std::vector<Group>& groups,
                              size_t num_used, Metrics& metrics) const {
    metrics["completions/duplicate_share"] = duplicate_share(groups);
    metrics["prompts/consumed"] = static_cast<double>(collection.cursor);
    metrics["time/rewards"] = collection.grade_s;
    if (!config_.rl.dynamic_sampling.enable) return;
    metrics["dynamic_sampling/rounds"] = static_cast<double>(collection.rounds);
    metrics["dynamic_sampling/dropped_groups"] = static_cast<double>(groups.size() - num_used);
  }

  const RunConfig& config_;
  Learner& learner_;
  Coefficients coefficients_;
  Collector collector_;
  std::optional<SampledEvaluation> evaluation_;
  RewardWatch watch_;
  SamplingSchedule schedule_;
  ReferencePolicy reference_;
};

void check_grpo(const RunConfig& c, const std::string& source) {
  if (c.data.path.empty() && c.data.task.empty())
    throw ConfigError(source +
                      ": data.path: is empty, and so is data.task. Name a JSONL file of "
                      "questions, or a generated task");
  if (c.rl.loss == "opd")
    throw ConfigError(source +
                      ": rl.loss: opd learns from a teacher; set run.task = \"distill\" and "
                      "distill.form = \"loss\"");
  if (c.rewards.empty())
    throw ConfigError(source + ": rewards: there is no rule. Add at least one [[rewards]] table");
  check(c.schedule, source);
  for (const auto& pair : c.schedule.temperature)
    if (pair[1].get<double>() < rollout::kLeastTemperature)
      throw ConfigError(fmt::format("{}: schedule.temperature: holds {}, must be >= {}", source,
                                    pair[1].dump(), rollout::kLeastTemperature));
  if (c.rollout.sampling.temperature < rollout::kLeastTemperature)
    throw ConfigError(
        fmt::format("{}: rollout.temperature: is {}, must be >= {}. Greedy completions of one "
                    "prompt are all equal and teach nothing; try 1.0",
                    source, c.rollout.sampling.temperature, rollout::kLeastTemperature));
}

StepCost estimate_grpo(const RunConfig& recipe, const policy::ModelConfig& model,
                       int64_t prompt_tokens) {
  const int64_t completion = largest_max_tokens(recipe.schedule, recipe.rollout.sampling);
  const int64_t prompts = recipe.rl.prompts_per_step;
  const int64_t completions = prompts * recipe.rl.group_size;
  const WorkModel work(model, recipe.model);
  const auto all = [&](double prompt, double each) {
    return static_cast<double>(prompts) * prompt + static_cast<double>(completions) * each;
  };
  StepCost cost;
  cost.rollout_tokens = prompts * prompt_tokens + completions * completion;
  cost.rollout_flops = all(work.decode(0, prompt_tokens, 1),
                           work.decode(prompt_tokens, completion - 1, completion - 1));
  cost.trained_tokens = cost.rollout_tokens * recipe.rl.epochs;
  const double trained = all(work.training(0, prompt_tokens, 0),
                             work.training(prompt_tokens, completion - 1, completion));
  const double scored = all(work.forward(0, prompt_tokens, 0),
                            work.forward(prompt_tokens, completion - 1, completion));
  const int num_scored =
      (recipe.rl.kl_coef > 0.0 ? 1 : 0) + (recipe.rl.epochs * recipe.rl.minibatches > 1 ? 1 : 0);
  cost.train_flops = recipe.rl.epochs * trained + num_scored * scored;
  return cost;
}

// One group is never split: its rows may exceed the setting.
int64_t grpo_rows(const RunConfig& recipe) {
  return std::max(
      recipe.rl.microbatch_tokens,
      int64_t{recipe.rl.group_size} * largest_max_tokens(recipe.schedule, recipe.rollout.sampling));
}

}  // namespace

extern const StageKind kGrpoStage;
const StageKind kGrpoStage{
    .name = "grpo",
    .text = "reinforcement learning on `data` with `rewards`",
    .samples = true,
    .check = check_grpo,
    .make = [](const RunConfig& config, Run& run, Learner& learner) -> std::unique_ptr<Stage> {
      return std::make_unique<GrpoStage>(config, run, learner);
    },
    .estimate = estimate_grpo,
    .microbatch_rows = grpo_rows};

}  // namespace gradus::rl
