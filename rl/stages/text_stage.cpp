#include "rl/stages/text_stage.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "policy/kernels/product_count.h"
#include "rl/learn/schedule.h"
#include "rl/learn/work_model.h"
#include "rl/stages/text_update.h"
#include "rl/update/update_report.h"

namespace gradus::rl {
namespace {

/// FLOPs of the kernels' products up to now.
double counted_text_flops() {
  return 2.0 * static_cast<double>(policy::kernels::counted_products());
}

struct Packed {
  policy::PackedBatch batch;
  policy::ScoreList list;
};

Packed pack_examples(const std::vector<TextExample>& examples) {
  Packed packed;
  for (const auto& example : examples) {
    const int64_t begin = packed.batch.num_rows();
    const auto length = static_cast<int64_t>(example.tokens.size());
    packed.batch.segments.push_back({begin, length, -1});
    for (int64_t i = 0; i < length; ++i) {
      const auto at = static_cast<size_t>(i);
      packed.batch.tokens.push_back(example.tokens[at]);
      packed.batch.positions.push_back(static_cast<int32_t>(i));
      if (i == 0 || example.is_target[at] == 0) continue;
      packed.list.rows.push_back(begin + i - 1);
      packed.list.targets.push_back(example.tokens[at]);
    }
  }
  return packed;
}

}  // namespace

TextStage::TextStage(const RunConfig& config, Learner& learner, TextTask task)
    : config_(config), learner_(learner), task_(std::move(task)) {
  if (config_.eval.has_problems())
    evaluation_.emplace(config_, learner.tokenizer(), learner.max_context());
}

// At least one text; then as many as fit.
std::vector<TextExample> TextStage::take(int64_t& cursor) const {
  std::vector<TextExample> examples;
  int64_t num_tokens = 0;
  for (;;) {
    TextExample example = task_.texts->at(cursor);
    num_tokens += static_cast<int64_t>(example.tokens.size());
    if (!examples.empty() && num_tokens > config_.text.batch_tokens) return examples;
    examples.push_back(std::move(example));
    ++cursor;
  }
}

void TextStage::describe_data(RunOpening& opening) const {
  const TextExample first = task_.texts->at(0);
  opening.num_rows = task_.texts->size();
  opening.first_text = learner_.tokenizer().tokenizer->decode(first.tokens);
  opening.first_text_tokens = std::ssize(first.tokens);
}

// Reads all texts once: how many go into a step follows from their lengths.
RunLength TextStage::length_of(double epochs) const {
  RunLength length{0, end_of_epochs(epochs, task_.texts->size())};
  for (int64_t cursor = 0; cursor < length.cursor; ++length.steps) take(cursor);
  return length;
}

std::optional<StepReport> TextStage::step(const StepContext& context) {
  if (context.run.agrees_to_stop()) return std::nullopt;
  const Clock& clock = context.run.clock();
  const double begin = clock.now_s();
  const double counted_begin = counted_text_flops();
  context.run.observer().on_phase(context.step, "update");
  int64_t cursor = context.cursor;
  const auto examples = take(cursor);
  const double learning_rate = learning_rate_at(config_.optim, context.step - 1, config_.run.steps);
  const StepEnvironment environment = environment_of(context.run, learner_);
  const UpdateResult update =
      task_.update ? task_.update(examples, learning_rate, environment)
                   : update_on_text(learner_.policy(), learner_.optimizer(), examples,
                                    config_.text.microbatch_tokens, learning_rate, learner_.team(),
                                    config_.text.mtp_weight, task_.mixture, environment);
  const double seconds = clock.now_s() - begin;
  const double flops = update.cost.trained_flops + update.cost.scored_flops;

  StepReport report;
  report.metrics = update.metrics;
  report.lists = update.lists;
  for (const auto& example : examples)
    report.num_tokens += static_cast<int64_t>(example.tokens.size());
  report.metrics["texts"] = static_cast<double>(examples.size());
  report.metrics["tokens"] = static_cast<double>(report.num_tokens);
  if (task_.texts->size() > 0)
    report.metrics["epoch"] =
        static_cast<double>(cursor) / static_cast<double>(task_.texts->size());
  tell_of_cut(context, examples, report.metrics);
  report.metrics["time/step"] = seconds;
  add_update_metrics(update, flops, report.metrics);
  report.cursor = cursor;
  // A batch without a target leaves the weights alone as well; that is no fault of theirs.
  if (update.skipped.num_not_finite > 0) report.skip_reason = update.skipped.reason;
  LedgerEntry updated{"update", context.step, seconds, seconds, report.num_tokens, flops};
  updated.trained = update.cost.trained_tokens;
  updated.counted_flops = counted_text_flops() - counted_begin;
  report.ledger = {updated};
  return report;
}

// A text that ends in the middle teaches something else than its row says.
void TextStage::tell_of_cut(const StepContext& context, const std::vector<TextExample>& examples,
                            Metrics& metrics) {
  const auto num_cut =
      std::ranges::count_if(examples, [](const TextExample& e) { return e.num_cut > 0; });
  if (num_cut == 0) return;
  metrics["texts_cut"] = static_cast<double>(num_cut);
  if (std::exchange(has_told_of_cut_, true)) return;
  const auto cut =
      std::ranges::find_if(examples, [](const TextExample& e) { return e.num_cut > 0; });
  context.run.observer().on_warning(fmt::format(
      "step {}: {} of {} texts do not fit the model's context and are cut, the first by {} of {} "
      "tokens; texts_cut counts them in every step",
      context.step, num_cut, examples.size(), cut->num_cut,
      cut->num_cut + std::ssize(cut->tokens)));
}

std::optional<EvalReport> TextStage::evaluate(const StepContext& context) {
  Run& run = context.run;
  EvalReport report;
  const double begin = run.clock().now_s();
  const double counted_begin = counted_text_flops();
  if (task_.held_out != nullptr && !add_loss(run, report)) return std::nullopt;
  const double seconds = run.clock().now_s() - begin;
  const LedgerEntry of_loss = report.cost;
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
  if (evaluation_) {
    report.cost.tokens += of_loss.tokens;
    report.cost.flops += of_loss.flops;
  }
  report.cost.counted_flops = counted_text_flops() - counted_begin;
  return report;
}

// False: stopped.
bool TextStage::add_loss(const Run& run, EvalReport& report) const {
  TextLoss total;
  const WorkModel work(learner_.policy().model_config(), learner_.policy().policy_config());
  std::vector<TextExample> examples;
  int64_t num_tokens = 0;
  const auto add = [&] {
    const TextLoss loss = text_loss(learner_.policy(), examples, learner_.team());
    total.sum += loss.sum;
    total.num_targets += loss.num_targets;
    examples.clear();
    num_tokens = 0;
  };
  for (int64_t i = 0; i < task_.held_out->size(); ++i) {
    if (run.agrees_to_stop()) return false;
    examples.push_back(task_.held_out->at(i));
    num_tokens += static_cast<int64_t>(examples.back().tokens.size());
    const TextExample& example = examples.back();
    report.cost.tokens += std::ssize(example.tokens);
    report.cost.flops += work.forward(0, std::ssize(example.tokens),
                                      std::ranges::count(example.is_target, uint8_t{1}));
    if (num_tokens >= config_.text.microbatch_tokens) add();
  }
  if (!examples.empty()) add();
  const double loss = total.sum / static_cast<double>(std::max<int64_t>(1, total.num_targets));
  report.metrics["eval/loss"] = loss;
  report.metrics["eval/targets"] = static_cast<double>(total.num_targets);
  report.score = -loss;
  return true;
}

StepCost estimate_text(const RunConfig& config, const policy::ModelConfig& model, int64_t) {
  const int64_t length = std::min(config.text.sequence_length, config.text.batch_tokens);
  const int64_t num_texts = std::max<int64_t>(1, config.text.batch_tokens / length);
  StepCost cost;
  cost.trained_tokens = num_texts * length;
  const WorkModel work(model, config.model);
  double each = work.training(0, length - 1, length - 1);
  if (config.text.mtp_weight > 0.0 && config.model.lora.rank == 0 && model.num_mtp_layers > 0)
    each += work.prediction_training(0, length - 2, length - 2, true);
  cost.train_flops = static_cast<double>(num_texts) * each;
  return cost;
}

int64_t text_rows(const RunConfig& config) {
  return std::min(config.text.microbatch_tokens, config.text.batch_tokens);
}

TextLoss text_loss(const policy::Policy& policy, const std::vector<TextExample>& examples,
                   ThreadTeam& team) {
  const at::NoGradGuard no_grad;
  const Packed packed = pack_examples(examples);
  if (packed.list.rows.empty()) return {};
  const at::Tensor hidden = policy.forward(packed.batch, team);
  const auto scores = policy.score(hidden, packed.list, 1.0, team);
  // Summed here in order: at::sum's order follows the number of threads.
  const at::Tensor logprobs = scores.logprobs.cpu().contiguous();
  const std::span values(logprobs.const_data_ptr<float>(), static_cast<size_t>(logprobs.numel()));
  TextLoss loss{0.0, static_cast<int64_t>(values.size())};
  for (const float logprob : values) loss.sum -= static_cast<double>(logprob);
  return loss;
}

}  // namespace gradus::rl
