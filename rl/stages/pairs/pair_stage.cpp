#include "rl/stages/pairs/pair_stage.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "rl/learn/schedule.h"
#include "rl/learn/work_model.h"
#include "rl/update/update_report.h"

namespace gradus::rl {
namespace {

rollout::DataConfig held_out_data(const RunConfig& config, const PairBatchConfig& batch) {
  rollout::DataConfig data = config.data;
  data.path = batch.eval_path;
  data.count = 0;
  data.offset = 0;
  data.shuffle = false;
  return data;
}

}  // namespace

PairStage::PairStage(const RunConfig& config, const PairBatchConfig& batch, Run& run,
                     Learner& learner, std::unique_ptr<PairTask> task, bool samples)
    : config_(config),
      batch_(batch),
      learner_(learner),
      task_(std::move(task)),
      pairs_(config.data, learner.tokenizer(), learner.max_context(), config.run.seed),
      mixture_(resolve(batch.moe, learner.policy(), "moe", false)) {
  if (!pairs_.notice().empty()) run.observer().on_warning(pairs_.notice());
  if (!batch.eval_path.empty()) {
    held_out_.emplace(held_out_data(config, batch), learner.tokenizer(), learner.max_context(),
                      config.run.seed);
    if (!held_out_->notice().empty()) run.observer().on_warning(held_out_->notice());
  }
  if (samples && config.eval.has_problems())
    evaluation_.emplace(config, learner.tokenizer(), learner.max_context());
}

void PairStage::describe_data(RunOpening& opening) const {
  const AnswerPair& first = pairs_.row(pairs_.row_at(0));
  opening.num_rows = pairs_.size();
  opening.num_left_out = pairs_.num_left_out();
  opening.first_text = learner_.tokenizer().tokenizer->decode(first.prompt);
  opening.first_text_tokens = std::ssize(first.prompt);
}

RunLength PairStage::length_of(double epochs) const {
  const int64_t end = end_of_epochs(epochs, pairs_.size());
  return {(end + batch_.batch_pairs - 1) / batch_.batch_pairs, end};
}

TrainingStep PairStage::training_step(const Run& run, double learning_rate) {
  return {learner_.policy(),
          learner_.optimizer(),
          learning_rate,
          1.0,
          learner_.team(),
          0.0,
          policy::PredictionGradient::module_alone,
          mixture_,
          environment_of(run, learner_)};
}

AnswerValues PairStage::answers_of(const PairBatch& batch) const {
  return [this, &batch](const Microbatch& microbatch, const policy::Scores& scores,
                        const at::Tensor& hidden) {
    return task_->values(batch, microbatch, scores, hidden);
  };
}

std::vector<const AnswerPair*> PairStage::pairs_at(const PairSource& source,
                                                   const std::vector<int64_t>& rows) const {
  std::vector<const AnswerPair*> pairs;
  for (const int64_t row : rows) pairs.push_back(&source.row(row));
  return pairs;
}

std::optional<StepReport> PairStage::step(const StepContext& context) {
  if (context.run.agrees_to_stop()) return std::nullopt;
  const Clock& clock = context.run.clock();
  const double learning_rate = learning_rate_at(config_.optim, context.step - 1, config_.run.steps);
  const TrainingStep step = training_step(context.run, learning_rate);
  task_->prepare(pairs_, false, step);
  const double begin = clock.now_s();
  context.run.observer().on_phase(context.step, "update");
  std::vector<int64_t> rows;
  for (int64_t i = 0; i < batch_.batch_pairs; ++i)
    rows.push_back(pairs_.row_at(context.cursor + i));
  const auto pairs = pairs_at(pairs_, rows);
  const bool reads_hidden = task_->read() == PairBatch::Read::last_row;
  const PairBatch batch(pairs, task_->read(), batch_.microbatch_tokens);

  UpdateResult update;
  update.metrics["learning_rate"] = learning_rate;
  start_skipped(update);
  at::Tensor values;
  const TrainingStepResult taken = train_on_pairs(
      step, batch, answers_of(batch),
      [&](const PairValues& of_pairs) { return task_->loss(pairs_, false, rows, batch, of_pairs); },
      reads_hidden, update, values);
  report_loads(update.expert_loads, step.policy.model_config(),
               static_cast<double>(update.num_steps), update.metrics, update.lists);
  const double seconds = clock.now_s() - begin;
  const double flops = update.cost.trained_flops + update.cost.scored_flops;

  StepReport report;
  report.metrics = update.metrics;
  report.lists = update.lists;
  if (taken.loss) report.metrics["loss"] = *taken.loss;
  if (taken.grad_norm) report.metrics["grad_norm"] = *taken.grad_norm;
  task_->report(pairs_, false, rows, batch, as_pairs(values), report.metrics);
  for (const AnswerPair* pair : pairs) report.num_tokens += pair->num_tokens();
  report.cursor = context.cursor + batch_.batch_pairs;
  report.metrics["pairs"] = static_cast<double>(batch_.batch_pairs);
  report.metrics["tokens"] = static_cast<double>(report.num_tokens);
  report.metrics["epoch"] = static_cast<double>(report.cursor) / static_cast<double>(pairs_.size());
  report.metrics["time/step"] = seconds;
  add_update_metrics(update, flops, report.metrics);
  if (update.skipped.num_not_finite > 0) report.skip_reason = update.skipped.reason;
  if (auto cost = task_->take_cost(context.step)) report.ledger.push_back(*cost);
  report.ledger.push_back({"update", context.step, seconds, seconds,
                           update.cost.trained_tokens + update.cost.scored_tokens, flops});
  return report;
}

std::optional<EvalReport> PairStage::evaluate(const StepContext& context) {
  Run& run = context.run;
  EvalReport report;
  const double begin = run.clock().now_s();
  if (held_out_ && !add_held_out(context, report)) return std::nullopt;
  const double seconds = run.clock().now_s() - begin;
  if (evaluation_) {
    // Made for the evaluation alone: between them, training has the memory.
    rollout::RolloutPool pool(learner_.policy(), *learner_.tokenizer().tokenizer, config_.rollout,
                              learner_.threads(), run.clock());
    auto sampled = evaluation_->evaluate(context, learner_, pool);
    if (!sampled) return std::nullopt;
    sampled->metrics.add(report.metrics);
    report = std::move(*sampled);
  }
  report.cost.stage = "evaluate";
  report.cost.step = context.step;
  report.cost.seconds += seconds;
  report.cost.device_seconds += seconds;
  return report;
}

// False: stopped.
bool PairStage::add_held_out(const StepContext& context, EvalReport& report) try {
  const TrainingStep step = training_step(context.run, 0.0);
  task_->prepare(*held_out_, true, step);
  const bool reads_hidden = task_->read() == PairBatch::Read::last_row;
  Metrics total;
  double loss = 0.0;
  for (int64_t begin = 0; begin < held_out_->size(); begin += batch_.batch_pairs) {
    if (context.run.agrees_to_stop()) return false;
    std::vector<int64_t> rows;
    for (int64_t i = begin; i < std::min(held_out_->size(), begin + batch_.batch_pairs); ++i)
      rows.push_back(i);
    const auto pairs = pairs_at(*held_out_, rows);
    const PairBatch batch(pairs, task_->read(), batch_.microbatch_tokens);
    UpdateCost cost;
    const auto values = as_pairs(value_pairs(step, batch, answers_of(batch), reads_hidden, cost));
    const auto n = static_cast<double>(rows.size());
    loss += task_->loss(*held_out_, true, rows, batch, values).item<double>() * n;
    Metrics part;
    task_->report(*held_out_, true, rows, batch, values, part);
    for (const auto& [name, metric] : part) total[name] += metric.value * n;
    report.cost.tokens += cost.scored_tokens;
    report.cost.flops += cost.scored_flops;
  }
  const auto size = static_cast<double>(held_out_->size());
  for (const auto& [name, metric] : total) report.metrics["eval/" + name] = metric.value / size;
  report.metrics["eval/loss"] = loss / size;
  report.score = -loss / size;
  return true;
} catch (const Stopped&) {
  return false;
}

StepCost estimate_pairs(const RunConfig& config, const PairBatchConfig& batch,
                        const policy::ModelConfig& model, int64_t prompt_tokens) {
  const int64_t answer = config.rollout.sampling.max_tokens;
  StepCost cost;
  cost.trained_tokens = batch.batch_pairs * (prompt_tokens + 2 * answer);
  const WorkModel work(model, config.model);
  const double pair =
      work.training(0, prompt_tokens, 0) + 2.0 * work.training(prompt_tokens, answer, answer);
  cost.train_flops = static_cast<double>(batch.batch_pairs) * pair;
  return cost;
}

void check_pairs(const RunConfig& config, const char* task, const std::string& source) {
  if (config.data.path.empty())
    throw ConfigError(fmt::format(
        "{}: data.path: is empty. Name a JSONL file of pairs (prompt, chosen, rejected), which "
        "run.task = \"{}\" trains on",
        source, task));
}

}  // namespace gradus::rl
