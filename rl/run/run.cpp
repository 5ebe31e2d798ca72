#include "rl/run/run.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "policy/checkpoint_tokenizer.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxConfigBytes = int64_t{16} << 20;

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

double peak_memory_gb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e9;
}

int team_size(const RunConfig& config) {
  const int threads = config.run.threads > 0
                          ? config.run.threads
                          : static_cast<int>(std::thread::hardware_concurrency());
  return std::max(1, threads);
}

bool is_fresh(const RunConfig& config) {
  return config.model.path.empty();
}

policy::LoadedTokenizer load_tokenizer_of(const RunConfig& config) {
  return policy::load_checkpoint_tokenizer(is_fresh(config) ? config.model.tokenizer
                                                            : config.model.path);
}

std::unique_ptr<policy::Policy> load_policy(const RunConfig& config, ThreadTeam& team) {
  if (!is_fresh(config)) return policy::Policy::load(config.model, policy::Purpose::training, team);
  const auto model_config =
      parse_json(read_file(config.model.config, kMaxConfigBytes), config.model.config);
  return policy::Policy::initialize(config.model, model_config, config.run.seed, team);
}

// Rows of the embedding past the tokenizer's ids are padding; ids past its rows cannot be read.
void check_vocabulary(const RunConfig& config, const policy::Tokenizer& tokenizer,
                      const policy::ModelConfig& model) {
  if (tokenizer.vocab_size() <= model.vocab_size) return;
  throw ConfigError(fmt::format(
      "{}: the tokenizer has {} ids, the model {} rows (vocab_size); they do not belong together",
      is_fresh(config) ? "model.tokenizer" : "model.path", tokenizer.vocab_size(),
      model.vocab_size));
}

int64_t size_in(const std::map<std::string, int64_t>& sizes, const std::string& name) {
  const auto found = sizes.find(name);
  return found == sizes.end() ? 0 : found->second;
}

}  // namespace

TrainingRun::TrainingRun(RunConfig config, RunDirectory directory, RunEnvironment environment)
    : config_(std::move(config)),
      directory_(std::move(directory)),
      environment_(std::move(environment)),
      team_(team_size(config_)),
      tokenizer_(load_tokenizer_of(config_)),
      checkpoints_(directory_.checkpoints(), [this](const std::string& message) {
        environment_.observer.on_warning(message);
      }) {
  const double begin = environment_.clock.now_s();
  at::set_num_threads(policy::aten_threads(config_.model, team_.size()));
  environment_.observer.on_phase(0, "load");
  policy_ = load_policy(config_, team_);
  check_vocabulary(config_, *tokenizer_.tokenizer, policy_->model_config());
  optimizer_ = std::make_unique<Optimizer>(*policy_, config_.optim);
  restore();
  const double seconds = environment_.clock.now_s() - begin;
  logs_->ledger.append({"load", state_.step, seconds, seconds, 0, 0.0});
}

void TrainingRun::restore() {
  const auto restored = checkpoints_.load_newest(*policy_, *optimizer_, team_);
  if (restored && restored->seed != config_.run.seed)
    throw ConfigError(fmt::format("run.seed: is {}, the checkpoint was made with {}",
                                  config_.run.seed, restored->seed));
  state_ = restored.value_or(TrainState{});
  state_.seed = config_.run.seed;
  is_saved_ = restored.has_value();
  directory_.drop_samples_after(state_.step);
  logs_.emplace(Logs{
      MetricsLog(directory_.metrics(), size_in(state_.log_bytes, "metrics")),
      Ledger(directory_.ledger(), size_in(state_.log_bytes, "ledger"), state_.step, config_.ledger),
      TensorboardWriter(directory_.events(), size_in(state_.log_bytes, "events"), unix_seconds())});
}

RunOutcome TrainingRun::run(StepTask& task) {
  directory_.write_status(RunPhase::running, "", state_.step, config_.run.steps);
  try {
    const RunOutcome outcome = steps(task);
    directory_.write_status(outcome.phase, "", state_.step, config_.run.steps);
    return outcome;
  } catch (const std::exception& error) {
    try {
      directory_.write_status(RunPhase::failed, error.what(), state_.step, config_.run.steps);
    } catch (const FileError& second) {
      // The first error is the one to report; a full disk refuses this file as well.
      environment_.observer.on_warning(second.what());
    }
    throw;
  }
}

RunOutcome TrainingRun::steps(StepTask& task) {
  if (state_.step == 0 && !is_saved_ && is_eval_due(task, 0)) state_.unlogged = MetricsRecord{};
  bool is_whole = true;
  while ((is_whole = finish_step(task)) && state_.step < config_.run.steps && !is_stopping()) {
    auto report = task.make_step(*this, state_.step + 1);
    if (!report) break;
    absorb(std::move(*report), state_.step + 1);
  }
  const bool is_finished = is_whole && state_.step >= config_.run.steps;
  if (!is_saved_ && (state_.step > 0 || is_finished)) save_checkpoint(true);
  if (is_finished) save_models();
  return {is_finished ? RunPhase::finished : RunPhase::stopped, state_.step, directory_.path()};
}

void TrainingRun::absorb(StepReport report, int64_t step) {
  for (const auto& entry : report.ledger) logs_->ledger.append(entry);
  const bool is_skipped = !report.skip_reason.empty();
  const int64_t skipped = is_skipped ? state_.skipped_in_a_row + 1 : 0;
  const bool is_last_straw = skipped >= config_.optim.max_skipped_steps;
  const int64_t every = config_.run.samples_every;
  if (!report.samples.empty() && (is_skipped || (every > 0 && step % every == 0)))
    directory_.write_samples(step_name(step) + ".jsonl", report.samples);
  if (is_skipped)
    environment_.observer.on_warning(
        fmt::format("step {}: update skipped, {}", step, report.skip_reason));
  if (is_last_straw) stop_after_skips(report.skip_reason);
  state_.step = step;
  state_.cursor = report.cursor;
  state_.num_tokens += report.num_tokens;
  state_.skipped_in_a_row = skipped;
  report.metrics["num_tokens"] = static_cast<double>(state_.num_tokens);
  report.metrics["perf/peak_memory_gb"] = peak_memory_gb();
  state_.unlogged = MetricsRecord{step, std::move(report.metrics), std::move(report.lists)};
  is_saved_ = false;
}

void TrainingRun::stop_after_skips(const std::string& reason) const {
  const auto saved = checkpoints_.steps();
  throw Error(fmt::format(
      "step {}: {} updates in a row were skipped (optim.max_skipped_steps = {}); the last one, as "
      "{}. The completions stand in samples/{}.jsonl; weights are safe in {}. Lower optim.lr and "
      "resume, allowing that change",
      state_.step + 1, state_.skipped_in_a_row + 1, config_.optim.max_skipped_steps, reason,
      step_name(state_.step + 1), saved.empty() ? "the base model" : step_name(saved.back())));
}

bool TrainingRun::is_eval_due(const StepTask& task, int64_t step) const {
  const int64_t every = config_.run.eval_every;
  if (every == 0 || !task.can_evaluate()) return false;
  if (step == 0) return config_.run.eval_at_start;
  return step % every == 0 || step == config_.run.steps;
}

// Brings the last step to its end: its evaluation, its line, its checkpoint. False: stopped.
bool TrainingRun::finish_step(StepTask& task) {
  if (!state_.unlogged) return true;
  bool is_best = false;
  if (is_eval_due(task, state_.step) && !evaluate(task, is_best)) return false;
  const MetricsRecord record = *std::exchange(state_.unlogged, std::nullopt);
  log(record);
  is_saved_ = false;
  environment_.observer.on_step(record);
  directory_.write_status(RunPhase::running, "", state_.step, config_.run.steps);
  const int64_t every = config_.run.checkpoint_every;
  const bool is_due = every > 0 && state_.step > 0 && state_.step % every == 0;
  const bool is_last = state_.step >= config_.run.steps;
  if (is_due || is_last || (is_best && config_.run.keep_best)) save_checkpoint(is_last);
  return true;
}

bool TrainingRun::evaluate(StepTask& task, bool& is_best) {
  environment_.observer.on_phase(state_.step, "evaluate");
  auto report = task.evaluate(*this, state_.step);
  if (!report) return false;
  logs_->ledger.append(report->cost);
  if (!report->samples.empty())
    directory_.write_samples(fmt::format("eval-{}.jsonl", step_name(state_.step)), report->samples);
  is_best = state_.best_step < 0 || report->score > state_.best_accuracy;
  if (is_best) {
    state_.best_step = state_.step;
    state_.best_accuracy = report->score;
  }
  environment_.observer.on_eval(state_.step, {state_.step, report->metrics, {}});
  state_.unlogged->values.merge(report->metrics);
  return true;
}

void TrainingRun::log(const MetricsRecord& record) {
  logs_->metrics.append(record);
  const bool has_eval =
      record.values.contains("eval/accuracy") || record.values.contains("eval/loss");
  if (record.step % config_.run.log_every == 0 || has_eval)
    logs_->events.write(unix_seconds(), record.step, record.values);
}

void TrainingRun::save_checkpoint(bool must_succeed) {
  environment_.observer.on_phase(state_.step, "checkpoint");
  const double begin = environment_.clock.now_s();
  try {
    // Logs first: a checkpoint must never know more of them than the disk does.
    logs_->metrics.sync();
    logs_->ledger.sync();
    logs_->events.sync();
    state_.log_bytes = {{"metrics", logs_->metrics.num_bytes()},
                        {"ledger", logs_->ledger.num_bytes()},
                        {"events", logs_->events.num_bytes()}};
    checkpoints_.save(state_, *policy_, *optimizer_);
    checkpoints_.prune(config_.run.keep, config_.run.keep_best ? state_.best_step : -1);
    is_saved_ = true;
  } catch (const FileError& error) {
    if (must_succeed) throw;
    environment_.observer.on_warning(fmt::format(
        "step {}: no checkpoint could be written, the run goes on: {}", state_.step, error.what()));
  }
  const double seconds = environment_.clock.now_s() - begin;
  logs_->ledger.append({"save", state_.step, seconds, seconds, 0, 0.0});
}

void TrainingRun::save_models() {
  environment_.observer.on_phase(state_.step, "save");
  save_model(directory_.final_model());
  if (!config_.run.keep_best || state_.best_step < 0) return;
  if (state_.best_step != state_.step) {
    if (!checkpoints_.has(state_.best_step)) {
      environment_.observer.on_warning(fmt::format(
          "best/ is not written: the checkpoint of the best step, {}, is gone", state_.best_step));
      return;
    }
    checkpoints_.load_weights(state_.best_step, *policy_, team_);
  }
  save_model(directory_.best_model());
}

void TrainingRun::save_model(const fs::path& target) const {
  directory_.publish_folder(target, [&](const fs::path& folder) {
    policy_->save(folder);
    if (config_.model.lora.rank > 0) policy_->save_adapters(folder / "adapter");
    // A fresh model's policy knows no tokenizer files; a loaded one's are written by save.
    for (const auto& file : tokenizer_.tokenizer->source_files())
      if (!fs::exists(folder / file.name)) write_file_atomically(folder / file.name, file.contents);
  });
}

void warn_about(const rollout::PromptSource& prompts, RunObserver& observer) {
  const auto& skipped = prompts.skipped();
  if (!skipped.empty())
    observer.on_warning(
        fmt::format("data: {} rows left out, the first: {}", skipped.size(), skipped.front()));
  if (prompts.num_duplicates() > 0)
    observer.on_warning(
        fmt::format("data: {} rows repeat an earlier one", prompts.num_duplicates()));
}

std::optional<EvalReport> evaluate_in_run(TrainingRun& run, Evaluator& evaluator,
                                          rollout::RolloutPool& pool, int64_t step) {
  const RunEnvironment& environment = run.environment();
  const double begin = environment.clock.now_s();
  const auto result = evaluator.evaluate(
      run.policy(), pool, run.threads(), environment.stop,
      [&](int64_t done, int64_t total) { environment.observer.on_progress(done, total); });
  if (!result) return std::nullopt;
  const double seconds = environment.clock.now_s() - begin;
  EvalReport report{eval_metrics(*result), result->accuracy.value, {}, eval_lines(*result)};
  report.metrics["time/eval"] = seconds;
  report.cost = {
      "evaluate",   step, seconds, seconds, result->prompt_tokens + result->completion_tokens,
      result->flops};
  return report;
}

}  // namespace gradus::rl
