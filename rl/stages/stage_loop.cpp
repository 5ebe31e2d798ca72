#include "rl/stages/stage_loop.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <utility>

#include "base/error.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

double peak_memory_gb() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) * 1024.0 / 1e9;
}

}  // namespace

StageLoop::StageLoop(Run& run, Learner* learner, int max_skipped_steps)
    : run_(run), learner_(learner), max_skipped_steps_(max_skipped_steps) {
  std::tie(state_, is_saved_) = run_.restore(learner_);
}

RunOutcome StageLoop::run(Stage& stage) {
  const RunDirectory& directory = run_.directory();
  const int64_t num_steps = run_.settings().steps;
  directory.write_status(RunPhase::running, "", state_.step, num_steps);
  try {
    const RunOutcome outcome = steps(stage);
    directory.write_status(outcome.phase, "", state_.step, num_steps);
    return outcome;
  } catch (const std::exception& error) {
    try {
      directory.write_status(RunPhase::failed, error.what(), state_.step, num_steps);
    } catch (const FileError& second) {
      // The first error is the one to report; a full disk refuses this file as well.
      run_.observer().on_warning(second.what());
    }
    throw;
  }
}

RunOutcome StageLoop::steps(Stage& stage) {
  const int64_t num_steps = run_.settings().steps;
  if (state_.step == 0 && !is_saved_ && is_eval_due(stage, 0)) state_.unlogged = MetricsRecord{};
  bool is_whole = true;
  while ((is_whole = finish_step(stage)) && state_.step < num_steps && !run_.is_stopping()) {
    auto report = stage.step({run_, state_.step + 1, state_.cursor});
    if (!report) break;
    absorb(std::move(*report), state_.step + 1);
  }
  const bool is_finished = is_whole && state_.step >= num_steps;
  if (!is_saved_ && (state_.step > 0 || is_finished)) save_checkpoint(true);
  if (is_finished) save_models();
  return {is_finished ? RunPhase::finished : RunPhase::stopped, state_.step,
          run_.directory().path()};
}

void StageLoop::absorb(StepReport report, int64_t step) {
  for (const auto& entry : report.ledger) run_.enter(entry);
  const bool is_skipped = !report.skip_reason.empty();
  const int64_t skipped = is_skipped ? state_.skipped_in_a_row + 1 : 0;
  const int64_t every = run_.settings().samples_every;
  if (!report.samples.empty() && (is_skipped || (every > 0 && step % every == 0)))
    run_.directory().write_samples(step_name(step) + ".jsonl", report.samples);
  if (is_skipped)
    run_.observer().on_warning(
        fmt::format("step {}: update skipped, {}", step, report.skip_reason));
  if (skipped >= max_skipped_steps_) stop_after_skips(report.skip_reason);
  state_.step = step;
  state_.cursor = report.cursor;
  state_.num_tokens += report.num_tokens;
  state_.skipped_in_a_row = skipped;
  report.metrics["num_tokens"] = static_cast<double>(state_.num_tokens);
  report.metrics["perf/peak_memory_gb"] = peak_memory_gb();
  state_.unlogged = MetricsRecord{step, report.metrics.values(), std::move(report.lists)};
  is_saved_ = false;
}

void StageLoop::stop_after_skips(const std::string& reason) {
  const auto saved = run_.checkpoints().steps();
  throw Error(fmt::format(
      "step {}: {} updates in a row were skipped (optim.max_skipped_steps = {}); the last one, as "
      "{}. The completions stand in samples/{}.jsonl; weights are safe in {}. Lower optim.lr and "
      "resume, allowing that change",
      state_.step + 1, state_.skipped_in_a_row + 1, max_skipped_steps_, reason,
      step_name(state_.step + 1), saved.empty() ? "the base model" : step_name(saved.back())));
}

bool StageLoop::is_eval_due(const Stage& stage, int64_t step) const {
  const RunSettings& settings = run_.settings();
  if (settings.eval_every == 0 || !stage.can_evaluate()) return false;
  if (step == 0) return settings.eval_at_start;
  return step % settings.eval_every == 0 || step == settings.steps;
}

// Brings the last step to its end: its evaluation, its line, its checkpoint. False: stopped.
bool StageLoop::finish_step(Stage& stage) {
  if (!state_.unlogged) return true;
  const RunSettings& settings = run_.settings();
  bool is_best = false;
  if (is_eval_due(stage, state_.step) && !evaluate(stage, is_best)) return false;
  const MetricsRecord record = *std::exchange(state_.unlogged, std::nullopt);
  run_.log(record);
  is_saved_ = false;
  run_.observer().on_step(record);
  run_.directory().write_status(RunPhase::running, "", state_.step, settings.steps);
  const int64_t every = settings.checkpoint_every;
  const bool is_due = every > 0 && state_.step > 0 && state_.step % every == 0;
  const bool is_last = state_.step >= settings.steps;
  if (is_due || is_last || (is_best && settings.keep_best)) save_checkpoint(is_last);
  return true;
}

bool StageLoop::evaluate(Stage& stage, bool& is_best) {
  run_.observer().on_phase(state_.step, "evaluate");
  auto report = stage.evaluate({run_, state_.step, state_.cursor});
  if (!report) return false;
  run_.enter(report->cost);
  if (!report->samples.empty())
    run_.directory().write_samples(fmt::format("eval-{}.jsonl", step_name(state_.step)),
                                   report->samples);
  is_best = state_.best_step < 0 || report->score > state_.best_accuracy;
  if (is_best) {
    state_.best_step = state_.step;
    state_.best_accuracy = report->score;
  }
  auto values = report->metrics.values();
  run_.observer().on_eval(state_.step, {state_.step, values, {}});
  state_.unlogged->values.merge(values);
  return true;
}

void StageLoop::save_checkpoint(bool must_succeed) {
  run_.observer().on_phase(state_.step, "checkpoint");
  const double begin = run_.clock().now_s();
  try {
    run_.save_checkpoint(state_, learner_);
    is_saved_ = true;
  } catch (const FileError& error) {
    if (must_succeed) throw;
    run_.observer().on_warning(fmt::format(
        "step {}: no checkpoint could be written, the run goes on: {}", state_.step, error.what()));
  }
  const double seconds = run_.clock().now_s() - begin;
  run_.enter({"save", state_.step, seconds, seconds, 0, 0.0});
}

void StageLoop::save_models() {
  if (learner_ == nullptr) return;
  run_.observer().on_phase(state_.step, "save");
  const auto save = [&](const fs::path& folder) { learner_->save_model(folder); };
  publish_folder(run_.directory().final_model(), save);
  if (!run_.settings().keep_best || state_.best_step < 0) return;
  if (state_.best_step != state_.step) {
    if (!run_.checkpoints().has(state_.best_step)) {
      run_.observer().on_warning(fmt::format(
          "best/ is not written: the checkpoint of the best step, {}, is gone", state_.best_step));
      return;
    }
    run_.checkpoints().load_weights(state_.best_step, *learner_);
  }
  publish_folder(run_.directory().best_model(), save);
}

}  // namespace gradus::rl
