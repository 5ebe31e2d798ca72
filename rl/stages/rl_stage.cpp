#include "rl/stages/rl_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/collect/grading.h"
#include "rl/learn/schedule.h"
#include "rl/observe/group_metrics.h"
#include "rl/observe/samples.h"
#include "rl/recipe/cost_model.h"
#include "rl/update/update_report.h"

namespace gradus::rl {
namespace {

int max_context(TrainingRun& run) {
  return static_cast<int>(run.policy().model_config().max_position_embeddings);
}

// Before anything is sampled: what the model can not do.
void check_mixtures(const RunConfig& config, const policy::Policy& policy) {
  resolve(config.rl.moe, policy, "rl.moe", false);
  if (config.rl.routing != RoutingUse::off &&
      policy::num_mixture_layers(policy.model_config()) == 0)
    throw ConfigError("rl.routing: the model has no mixture of experts; set it to off");
}

/// Batches of one step run in turn.
void add(rollout::RolloutStats& sum, const rollout::RolloutStats& part) {
  add_counts(sum, part);
  sum.peak_blocks = std::max(sum.peak_blocks, part.peak_blocks);
  sum.seconds += part.seconds;
}

double rollout_flops(const policy::ModelConfig& model, const std::vector<Group>& groups) {
  double flops = 0.0;
  for (const Group& group : groups) {
    const auto prompt = static_cast<int64_t>(group.prompt.tokens.size());
    flops += forward_flops(model, 0, prompt);
    for (const auto& completion : group.completions)
      flops += forward_flops(model, prompt, static_cast<int64_t>(completion.tokens.size()));
  }
  return flops;
}

// Counted from the records, not by the engine, which computes some prompts more than once.
int64_t num_tokens(const std::vector<Group>& groups) {
  size_t sum = 0;
  for (const Group& group : groups) {
    sum += group.prompt.tokens.size();
    for (const auto& completion : group.completions) sum += completion.tokens.size();
  }
  return static_cast<int64_t>(sum);
}

double ratio(double part, double whole) {
  return whole > 0.0 ? part / whole : 0.0;
}

void add_rollout_metrics(const rollout::RolloutStats& stats, double seconds, double flops,
                         Metrics& metrics) {
  metrics["time/rollout"] = seconds;
  metrics["time/slowest_completion"] = stats.slowest_completion_s;
  metrics["perf/tokens_per_s"] = ratio(static_cast<double>(stats.completion_tokens), seconds);
  metrics["perf/rollout_gflops"] = ratio(flops / 1e9, seconds);
  metrics["perf/preemptions"] = static_cast<double>(stats.preemptions);
  metrics["perf/recomputed_tokens"] = static_cast<double>(stats.recomputed_tokens);
  if (stats.drafted_tokens > 0) {
    metrics["rollout/draft_acceptance"] = ratio(static_cast<double>(stats.accepted_drafts),
                                                static_cast<double>(stats.drafted_tokens));
    metrics["rollout/tokens_per_step"] = ratio(static_cast<double>(stats.completion_tokens),
                                               static_cast<double>(stats.sequence_steps));
  }
  metrics["perf/decode_calls"] = static_cast<double>(stats.decode_calls);
  metrics["perf/failed_decode_calls"] = static_cast<double>(stats.failed_calls);
  metrics["perf/peak_kv_blocks"] = static_cast<double>(stats.peak_blocks);
}

// One bad prompt is a record; when nothing can be sampled at all, no later step will fare better.
void refuse_if_all_failed(const std::vector<rollout::Rollout>& rollouts, int64_t step) {
  const rollout::Completion* failed = nullptr;
  for (const auto& rollout : rollouts)
    for (const auto& completion : rollout.completions) {
      if (completion.finish != rollout::FinishReason::failed) return;
      failed = &completion;
    }
  if (failed != nullptr)
    throw Error(
        fmt::format("step {}: every rollout failed, the last one: {}", step, failed->error));
}

// Completions that other weights sampled would be trained on with wrong ratios, silently.
void check_versions(const std::vector<rollout::Rollout>& rollouts, int64_t version) {
  for (const auto& rollout : rollouts)
    for (const auto& completion : rollout.completions)
      if (is_trainable(completion) && completion.policy_version != version)
        throw Error(
            fmt::format("prompt {}: sampled by policy version {}, version {} is in training",
                        rollout.prompt.id, completion.policy_version, version));
}

}  // namespace

Trainer::Trainer(TrainingRun& run)
    : config_(run.config()),
      prompts_(rollout::make_prompt_source(config_.data, run.tokenizer(), max_context(run),
                                           config_.run.seed)),
      rules_(config_.rewards),
      pool_(run.policy(), *run.tokenizer().tokenizer, config_.rollout, run.threads()) {
  check_mixtures(config_, run.policy());
  rules_.measure_with(run.environment().clock);
  rules_.stop_with(run.environment().stop);
  if (config_.has_eval_data()) evaluator_.emplace(config_, run.tokenizer(), max_context(run));
  warn_about(*prompts_, run.environment().observer);
  for (const auto& notice : rules_.notices()) run.environment().observer.on_warning(notice);
}

std::optional<StepReport> Trainer::make_step(TrainingRun& run, int64_t step) {
  const Clock& clock = run.environment().clock;
  const double begin = clock.now_s();
  auto batch = collect(run, step);
  if (!batch) return std::nullopt;
  const policy::Policy* reference = reference_.at(run, step);
  run.environment().observer.on_phase(step, "update");
  const double learning_rate = learning_rate_at(config_.optim, step - 1, config_.run.steps);
  const UpdateResult update =
      update_policy(run.policy(), reference, run.optimizer(), batch->used, config_.rl,
                    learning_rate, config_.rollout.sampling.temperature, config_.run.seed,
                    static_cast<uint64_t>(step), run.team());
  return report(run, step, std::move(*batch), update, clock.now_s() - begin);
}

// sample -> grade -> advantage, again where groups without signal are to be replaced.
std::optional<Trainer::Batch> Trainer::collect(TrainingRun& run, int64_t step) {
  Batch batch;
  batch.cursor = run.state().cursor;
  const auto wanted = static_cast<size_t>(config_.rl.prompts_per_step);
  const bool is_dynamic = config_.rl.dynamic_sampling.enable;
  const int64_t max_rounds = is_dynamic ? config_.rl.dynamic_sampling.max_batches : 1;
  while (batch.rounds < max_rounds && batch.used.size() < wanted) {
    auto rollouts = sample(run, step, static_cast<int64_t>(wanted - batch.used.size()), batch);
    if (run.is_stopping()) return std::nullopt;
    auto groups = grade(run, std::move(rollouts), step, batch);
    if (run.is_stopping()) return std::nullopt;
    keep(std::move(groups), batch);
  }
  // Nothing to learn from: the step still goes through the update, whose metrics say so.
  if (batch.used.empty()) std::swap(batch.used, batch.dropped);
  assign_advantages(batch.used, config_.rl);
  return batch;
}

std::vector<rollout::Rollout> Trainer::sample(TrainingRun& run, int64_t step, int64_t count,
                                              Batch& batch) {
  run.environment().observer.on_phase(step, "rollout");
  const double begin = run.environment().clock.now_s();
  std::vector<rollout::RolloutRequest> requests;
  for (int64_t i = 0; i < count; ++i, ++batch.cursor)
    requests.push_back({prompts_->at(batch.cursor), config_.rl.group_size, config_.run.seed,
                        static_cast<uint64_t>(step), static_cast<uint64_t>(batch.cursor),
                        config_.rollout.sampling, config_.rl.routing != RoutingUse::off});
  int64_t done = 0;
  auto rollouts = pool_.run(
      std::move(requests), run.environment().stop,
      [&](const rollout::Rollout&) { run.environment().observer.on_progress(++done, count); });
  refuse_if_all_failed(rollouts, step);
  check_versions(rollouts, run.policy().version());
  add(batch.stats, pool_.last_stats());
  batch.sample_s += run.environment().clock.now_s() - begin;
  ++batch.rounds;
  return rollouts;
}

std::vector<Group> Trainer::grade(TrainingRun& run, std::vector<rollout::Rollout> rollouts,
                                  int64_t step, Batch& batch) {
  run.environment().observer.on_phase(step, "rewards");
  const double begin = run.environment().clock.now_s();
  const std::stop_token& stop = run.environment().stop;
  auto groups = grade_rollouts(std::move(rollouts), rules_, run.threads(), stop);
  const auto counts = rules_.take_counts();
  // Calls that a stop broke off are no fault of the rules.
  if (!stop.stop_requested()) {
    rewards::check_failed_share(counts, config_.rewards_limits.max_failed_share);
  }
  batch.rule_s.resize(counts.size());
  for (size_t rule = 0; rule < counts.size(); ++rule) batch.rule_s[rule] += counts[rule].seconds;
  batch.grade_s += run.environment().clock.now_s() - begin;
  return groups;
}

void Trainer::keep(std::vector<Group> groups, Batch& batch) const {
  for (Group& group : groups) {
    const bool is_kept = !config_.rl.dynamic_sampling.enable || has_signal(group, config_.rl);
    (is_kept ? batch.used : batch.dropped).push_back(std::move(group));
  }
}

StepReport Trainer::report(TrainingRun& run, int64_t step, Batch batch, const UpdateResult& update,
                           double seconds) {
  const size_t num_used = batch.used.size();
  const double used_flops = rollout_flops(run.policy().model_config(), batch.used);
  const double all_flops = used_flops + rollout_flops(run.policy().model_config(), batch.dropped);
  const double passes = config_.model.activation_checkpointing ? 4.0 : 3.0;
  const double update_s = seconds - batch.sample_s - batch.grade_s;
  std::vector<Group> groups = std::move(batch.used);
  std::ranges::move(batch.dropped, std::back_inserter(groups));
  const auto names = rules_.rule_names();
  for (const auto& warning : watch_.look_at(step, groups, names))
    run.environment().observer.on_warning(warning);

  StepReport report;
  report.metrics = group_metrics(groups, names);
  for (const auto& [name, value] : update.metrics) report.metrics[name] = value;
  report.lists = update.lists;
  report.metrics["completions/duplicate_share"] = duplicate_share(groups);
  report.metrics["prompts/consumed"] = static_cast<double>(batch.cursor);
  if (config_.rl.dynamic_sampling.enable) {
    report.metrics["dynamic_sampling/rounds"] = static_cast<double>(batch.rounds);
    report.metrics["dynamic_sampling/dropped_groups"] =
        static_cast<double>(groups.size() - num_used);
  }
  report.metrics["time/step"] = seconds;
  report.metrics["time/rewards"] = batch.grade_s;
  for (size_t rule = 0; rule < names.size(); ++rule)
    report.metrics["time/rewards/" + names[rule]] = batch.rule_s[rule];
  add_rollout_metrics(batch.stats, batch.sample_s, all_flops, report.metrics);
  add_update_metrics(update, passes * used_flops, report.metrics);

  const int64_t sampled = batch.stats.prompt_tokens + batch.stats.completion_tokens;
  report.cursor = batch.cursor;
  report.num_tokens = num_tokens(groups);
  // A batch without anything to train on leaves the weights alone as well; that is no fault of
  // theirs.
  if (update.num_steps == 0 && update.skipped.num_not_finite > 0)
    report.skip_reason = update.skipped.reason;
  report.ledger = {{"rollout", step, batch.sample_s, batch.sample_s, sampled, all_flops},
                   {"rewards", step, batch.grade_s, batch.grade_s, 0, 0.0},
                   {"update", step, update_s, update_s,
                    update.cost.trained_tokens + update.cost.scored_tokens, passes * used_flops}};
  report.samples = sample_lines(step, groups, num_used, names);
  return report;
}

std::optional<EvalReport> Trainer::evaluate(TrainingRun& run, int64_t step) {
  auto report = evaluate_in_run(run, *evaluator_, pool_, step);
  if (!report) return std::nullopt;
  for (const auto& warning : watch_.look_at_eval(step, report->score))
    run.environment().observer.on_warning(warning);
  return report;
}

}  // namespace gradus::rl
