#include "rl/stages/text_stage.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <span>
#include <utility>

#include "rl/learn/schedule.h"
#include "rl/recipe/cost_model.h"
#include "rl/stages/conversation_source.h"
#include "rl/update/update.h"
#include "rl/update/update_report.h"

namespace gradus::rl {
namespace {

int context_of(TrainingRun& run) {
  return static_cast<int>(run.policy().model_config().max_position_embeddings);
}

std::unique_ptr<TextSource> make_responses(TrainingRun& run, const rollout::DataConfig& data) {
  const RunConfig& config = run.config();
  if (!data.path.empty() && holds_conversations(data.path))
    return make_conversation_source(data, run.tokenizer(), context_of(run), config.run.seed);
  auto prompts =
      rollout::make_prompt_source(data, run.tokenizer(), context_of(run), config.run.seed);
  warn_about(*prompts, run.environment().observer);
  return make_response_source(std::move(prompts), run.tokenizer(), config.text, context_of(run));
}

std::unique_ptr<TextSource> make_texts(TrainingRun& run) {
  const RunConfig& config = run.config();
  if (config.run.task == TaskKind::pretrain)
    return make_document_source(config.text.path, run.tokenizer(), config.text, true,
                                config.run.seed);
  return make_responses(run, config.data);
}

std::unique_ptr<TextSource> make_held_out(TrainingRun& run) {
  const RunConfig& config = run.config();
  if (config.text.eval_path.empty()) return nullptr;
  if (config.run.task == TaskKind::pretrain)
    return make_document_source(config.text.eval_path, run.tokenizer(), config.text, false, 0);
  rollout::DataConfig data = config.data;
  data.path = config.text.eval_path;
  data.task.clear();
  data.count = 0;
  data.offset = 0;
  data.shuffle = false;
  return make_responses(run, data);
}

double flops_of(const std::vector<TextExample>& examples, const RunConfig& config,
                const policy::ModelConfig& model) {
  double flops = 0.0;
  for (const auto& example : examples)
    flops += training_flops(model, static_cast<int64_t>(example.tokens.size()),
                            config.model.activation_checkpointing);
  return flops;
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

TextTrainer::TextTrainer(TrainingRun& run)
    : config_(run.config()),
      mixture_(resolve(config_.text.moe, run.policy(), "text.moe",
                       config_.run.task == TaskKind::pretrain)),
      texts_(make_texts(run)),
      held_out_(make_held_out(run)) {
  if (config_.has_eval_data()) evaluator_.emplace(config_, run.tokenizer(), context_of(run));
}

// At least one text; then as many as fit.
std::vector<TextExample> TextTrainer::take(int64_t& cursor) const {
  std::vector<TextExample> examples;
  int64_t num_tokens = 0;
  for (;;) {
    TextExample example = texts_->at(cursor);
    num_tokens += static_cast<int64_t>(example.tokens.size());
    if (!examples.empty() && num_tokens > config_.text.batch_tokens) return examples;
    examples.push_back(std::move(example));
    ++cursor;
  }
}

std::optional<StepReport> TextTrainer::make_step(TrainingRun& run, int64_t step) {
  if (run.is_stopping()) return std::nullopt;
  const RunEnvironment& environment = run.environment();
  const double begin = environment.clock.now_s();
  environment.observer.on_phase(step, "update");
  int64_t cursor = run.state().cursor;
  const auto examples = take(cursor);
  const double learning_rate = learning_rate_at(config_.optim, step - 1, config_.run.steps);
  const UpdateResult update =
      update_on_text(run.policy(), run.optimizer(), examples, config_.text.microbatch_tokens,
                     learning_rate, run.team(), config_.text.mtp_weight, mixture_);
  const double seconds = environment.clock.now_s() - begin;
  const double flops = flops_of(examples, config_, run.policy().model_config());

  StepReport report;
  report.metrics = update.metrics;
  report.lists = update.lists;
  for (const auto& example : examples)
    report.num_tokens += static_cast<int64_t>(example.tokens.size());
  report.metrics["texts"] = static_cast<double>(examples.size());
  report.metrics["tokens"] = static_cast<double>(report.num_tokens);
  if (texts_->size() > 0)
    report.metrics["epoch"] = static_cast<double>(cursor) / static_cast<double>(texts_->size());
  report.metrics["time/step"] = seconds;
  add_update_metrics(update, flops, report.metrics);
  report.cursor = cursor;
  report.skip_reason = update.skipped.reason;
  report.ledger = {{"update", step, seconds, seconds, report.num_tokens, flops}};
  return report;
}

std::optional<EvalReport> TextTrainer::evaluate(TrainingRun& run, int64_t step) {
  EvalReport report;
  const double begin = run.environment().clock.now_s();
  if (held_out_ != nullptr && !add_loss(run, report)) return std::nullopt;
  const double seconds = run.environment().clock.now_s() - begin;
  if (evaluator_) {
    // Made for the evaluation alone: between them, training has the memory.
    rollout::RolloutPool pool(run.policy(), *run.tokenizer().tokenizer, config_.rollout,
                              run.threads());
    auto sampled = evaluate_in_run(run, *evaluator_, pool, step);
    if (!sampled) return std::nullopt;
    sampled->metrics.merge(report.metrics);
    report = std::move(*sampled);
  }
  report.cost.stage = "evaluate";
  report.cost.step = step;
  report.cost.seconds += seconds;
  report.cost.device_seconds += seconds;
  return report;
}

// False: stopped.
bool TextTrainer::add_loss(TrainingRun& run, EvalReport& report) const {
  TextLoss total;
  std::vector<TextExample> examples;
  int64_t num_tokens = 0;
  const auto add = [&] {
    const TextLoss loss = text_loss(run.policy(), examples, run.team());
    total.sum += loss.sum;
    total.num_targets += loss.num_targets;
    examples.clear();
    num_tokens = 0;
  };
  for (int64_t i = 0; i < held_out_->size(); ++i) {
    if (run.is_stopping()) return false;
    examples.push_back(held_out_->at(i));
    num_tokens += static_cast<int64_t>(examples.back().tokens.size());
    report.cost.tokens += static_cast<int64_t>(examples.back().tokens.size());
    if (num_tokens >= config_.text.microbatch_tokens) add();
  }
  if (!examples.empty()) add();
  const double loss = total.sum / static_cast<double>(std::max<int64_t>(1, total.num_targets));
  report.metrics["eval/loss"] = loss;
  report.metrics["eval/targets"] = static_cast<double>(total.num_targets);
  report.score = -loss;
  return true;
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
