#include "rl/stages/stage_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/process/own_process.h"
#include "rl/parallel/gather.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

double peak_memory_gb() {
  return static_cast<double>(peak_memory_bytes()) / 1e9;
}

}  // namespace

StageLoop::StageLoop(Run& run, Learner* learner, int max_skipped_steps)
    : run_(run),
      learner_(learner),
      max_skipped_steps_(max_skipped_steps),
      stop_rule_(run.settings().stop_when, run.settings().plateau) {
  std::tie(state_, is_saved_) = run_.restore(learner_);
  stop_rule_.recall(state_.stopping);
  if (state_.best_metric != run_.settings().best_metric) {  // values of another figure
    state_.best_step = -1;
    state_.best_metric = run_.settings().best_metric;
  }
}

RunOutcome StageLoop::run(Stage& stage) {
  write_status(RunPhase::running, "");
  run_.observer().on_begin(state_.step, run_.settings().steps);
  try {
    stage.recall(state_.memory);
    const RunOutcome outcome = steps(stage);
    write_status(outcome.phase, outcome.reason);
    run_.settle("idle", state_.step);
    run_.end(state_.step);
    return outcome;
  } catch (const std::exception& error) {
    run_.settle("lost", state_.step + 1);
    save_after_error();
    write_status(RunPhase::failed, failure_text(error));
    run_.settle("idle", state_.step);
    throw;
  }
}

// People read it; the run does not depend on it.
void StageLoop::write_status(RunPhase phase, const std::string& reason) {
  run_.write_if_possible("status.json", [&] {
    run_.directory().write_status(phase, reason, state_.step, run_.settings().steps);
  });
}

RunOutcome StageLoop::steps(Stage& stage) {
  if (state_.step == 0 && !is_saved_ && is_eval_due(stage, false))
    state_.unlogged = MetricsRecord{};
  bool is_whole = true;
  std::optional<double> begin_s;  // of the last step
  while ((is_whole = finish_step(stage)) && !end_reason() && !run_.agrees_to_stop()) {
    if (begin_s) longest_step_s_ = std::max(longest_step_s_, run_.clock().now_s() - *begin_s);
    if (!first_rank_says(run_.ranks(), has_time())) return stop_for_time();
    begin_s = run_.clock().now_s();
    auto report = try_step(stage);
    if (!report) {  // broken off, and done again on resume
      run_.settle("lost", state_.step + 1);
      break;
    }
    absorb(std::move(*report), state_.step + 1, stage.memory());
  }
  const auto reason = end_reason();
  const bool is_finished = is_whole && reason.has_value();
  if (is_finished) {
    stage.finish(run_);
    finish();
  } else if (!is_saved() && state_.step > 0) {
    save_checkpoint(true);
  }
  return {is_finished ? RunPhase::finished : RunPhase::stopped, state_.step,
          run_.directory().path(), is_finished ? *reason : std::string()};
}

// A process makes one step at least, or a chain of short ones would never come to an end.
bool StageLoop::has_time() const {
  const double limit_s = run_.settings().max_hours * 3600.0;
  return limit_s <= 0.0 || longest_step_s_ <= 0.0 ||
         run_.seconds_so_far() + longest_step_s_ <= limit_s;
}

RunOutcome StageLoop::stop_for_time() {
  if (!is_saved()) save_checkpoint(true);
  return {RunPhase::stopped, state_.step, run_.directory().path(),
          fmt::format("another step would not end within run.max_hours = {:.4g}",
                      run_.settings().max_hours)};
}

// Why no further step is made; empty where it was the last one. Nothing: there are more.
std::optional<std::string> StageLoop::end_reason() const {
  if (run_.is_past_end(state_.step, state_.cursor)) return "";
  return state_.step > 0 ? stop_rule_.reason() : std::nullopt;
}

// Nothing: it was stopped, and the weights are those of the last whole step.
std::optional<StepReport> StageLoop::try_step(Stage& stage) {
  if (learner_ != nullptr) learner_->keeper().begin(1);
  try {
    return stage.step({run_, state_.step + 1, state_.cursor});
  } catch (const Stopped&) {
    learner_->keeper().restore(learner_->team());
    return std::nullopt;
  }
}

// Of rank 0, which writes it.
bool StageLoop::is_saved() const {
  return first_rank_says(run_.ranks(), is_saved_);
}

// The first error is the one to report: what goes wrong here is a warning.
void StageLoop::save_after_error() {
  if (!run_.is_first() || is_saved_ || state_.step == 0) return;
  if (learner_ != nullptr && learner_->optimizer().is_shared()) return;  // others have a part of it
  try {
    if (learner_ != nullptr && !learner_->keeper().restore(learner_->team())) {
      run_.observer().on_warning(fmt::format(
          "step {}: no checkpoint is written after the error: it came in the middle of an update, "
          "and the weights have moved",
          state_.step + 1));
      return;
    }
    save_checkpoint(false);
  } catch (const std::exception& error) {
    run_.observer().on_warning(
        fmt::format("step {}: no checkpoint could be written after the error: {}", state_.step,
                    failure_text(error)));
  }
}

void StageLoop::absorb(StepReport report, int64_t step, std::string memory) {
  const bool is_skipped = !report.skip_reason.empty();
  const int64_t skipped = is_skipped ? state_.skipped_in_a_row + 1 : 0;
  const bool is_enough = skipped >= max_skipped_steps_;
  // The state first: an error in what follows finds it where the weights are. A skipped step left
  // those alone, and the last one that is borne is done again on resume.
  if (learner_ != nullptr) learner_->keeper().done();
  if (!is_enough) {
    state_.step = step;
    state_.cursor = report.cursor;
    state_.num_tokens += report.num_tokens;
    state_.skipped_in_a_row = skipped;
    state_.memory = std::move(memory);
    report.metrics["num_tokens"] = static_cast<double>(state_.num_tokens);
    report.metrics["perf/peak_memory_gb"] = peak_memory_gb();
    state_.unlogged = MetricsRecord{step, report.metrics.values(), std::move(report.lists)};
    is_saved_ = false;
  }
  for (const auto& entry : report.ledger) run_.enter(entry);
  const int64_t every = run_.settings().samples_every;
  if (run_.is_first() && !report.samples.empty() &&
      (is_skipped || (every > 0 && step % every == 0)))
    run_.write_if_possible("samples", [&] {
      run_.directory().write_samples(step_name(step) + ".jsonl", report.samples);
    });
  if (is_skipped)
    run_.observer().on_warning(
        fmt::format("step {}: update skipped, {}", step, report.skip_reason));
  if (is_enough) stop_after_skips(report.skip_reason);
}

void StageLoop::stop_after_skips(const std::string& reason) {
  throw Error(fmt::format(
      "step {}: {} updates in a row were skipped (optim.max_skipped_steps = {}); the last one, as "
      "{}. The completions stand in samples/{}.jsonl; the weights are those of step {}. Lower "
      "optim.lr and resume, allowing that change (--allow-changes)",
      state_.step + 1, state_.skipped_in_a_row + 1, max_skipped_steps_, reason,
      step_name(state_.step + 1), state_.step));
}

bool StageLoop::is_eval_due(const Stage& stage, bool is_last) const {
  const RunSettings& settings = run_.settings();
  if (settings.eval_every == 0 || !stage.can_evaluate()) return false;
  if (state_.step == 0) return settings.eval_at_start;
  return state_.step % settings.eval_every == 0 || is_last;
}

// Brings the last step to its end: its evaluation, its line, its checkpoint. False: stopped.
bool StageLoop::finish_step(Stage& stage) {
  if (!state_.unlogged) return true;
  const RunSettings& settings = run_.settings();
  // Nothing is kept of this look before the evaluation's figures are there as well: where that is
  // stopped, the step comes here again.
  StopRule rule = stop_rule_;
  run_.agree_on(state_.unlogged->values);
  rule.look_at(state_.unlogged->values);
  const bool may_end = state_.step > 0;
  const bool ends = may_end && (run_.is_past_end(state_.step, state_.cursor) || rule.reason());
  bool is_best = false;
  MetricsRecord record = *state_.unlogged;
  if (is_eval_due(stage, ends)) {
    const auto figures = evaluate(stage, is_best);
    if (!figures) {
      run_.settle("lost", state_.step + 1);
      return false;
    }
    rule.look_at(*figures);
    record.values.insert(figures->begin(), figures->end());
  }
  run_.log(record);
  state_.unlogged.reset();
  stop_rule_ = rule;
  state_.stopping = stop_rule_.memory();
  is_saved_ = false;
  run_.observer().on_step(record);
  write_status(RunPhase::running, "");
  run_.settle("idle", state_.step);
  const int64_t every = settings.checkpoint_every;
  const bool is_due = every > 0 && state_.step > 0 && state_.step % every == 0;
  const bool is_last = may_end && end_reason().has_value();  // then final/ is written first
  const bool is_wanted = first_rank_says(run_.ranks(), run_.wants_checkpoint()) && state_.step > 0;
  if (!is_last && (is_due || is_wanted || (is_best && settings.keep_best))) save_checkpoint(false);
  return true;
}

// The evaluation's figures; nothing when it was stopped.
std::optional<std::map<std::string, double>> StageLoop::evaluate(Stage& stage, bool& is_best) {
  run_.observer().on_phase(state_.step, "evaluate");
  auto report = stage.evaluate({run_, state_.step, state_.cursor});
  if (!report) return std::nullopt;
  run_.enter(report->cost);
  state_.memory = stage.memory();
  if (run_.is_first() && !report->samples.empty())
    run_.write_if_possible("samples", [&] {
      run_.directory().write_samples(fmt::format("eval-{}.jsonl", step_name(state_.step)),
                                     report->samples);
    });
  auto values = report->metrics.values();
  values["score"] = report->score;
  run_.agree_on(values);
  report->score = values.extract("score").mapped();
  for (const auto& [name, value] : values) report->metrics[name] = value;
  note_best(*report, is_best);
  run_.observer().on_eval(state_.step, {state_.step, values, {}});
  return values;
}

// A score that is no number is nobody's best, and none that state.json could hold.
void StageLoop::note_best(const EvalReport& report, bool& is_best) {
  const double score = score_of(report);
  is_best = std::isfinite(score) && (state_.best_step < 0 || score > state_.best_accuracy);
  if (!is_best) return;
  state_.best_step = state_.step;
  state_.best_accuracy = score;
}

double StageLoop::score_of(const EvalReport& report) {
  const std::string& metric = run_.settings().best_metric;
  if (metric.empty()) return report.score;
  const double direction = direction_of(run_.settings().best_mode, metric);
  if (report.metrics.contains(metric)) return direction * report.metrics.at(metric);
  const auto of_step = state_.unlogged->values.find(metric);
  if (of_step != state_.unlogged->values.end()) return direction * of_step->second;
  if (state_.step > 0)  // before the first step there are figures of evaluations alone
    run_.observer().on_warning(
        fmt::format("step {}: has no figure {} (run.best_metric), so it is not the best one",
                    state_.step, metric));
  return std::nan("");
}

// False: it could not be written.
bool StageLoop::save_checkpoint(bool must_succeed) {
  if (!run_.is_first()) {
    run_.save_checkpoint(state_, learner_);
    return is_saved_ = true;
  }
  run_.observer().on_phase(state_.step, "checkpoint");
  const double begin = run_.clock().now_s();
  try {
    run_.save_checkpoint(state_, learner_);
    if (run_.settings().export_checkpoints) export_checkpoint();
    is_saved_ = true;
  } catch (const FileError& error) {
    if (must_succeed) throw;
    run_.observer().on_warning(
        fmt::format("step {}: no checkpoint could be written: {}", state_.step, error.what()));
  }
  book_save(begin);
  return is_saved_;
}

/// What a run begins with is a model already, and has a name.
void StageLoop::export_checkpoint() {
  if (learner_ == nullptr || state_.step == 0) return;
  const fs::path target = run_.directory().exports() / step_name(state_.step);
  if (fs::exists(target)) return;
  run_.write_if_possible("exports/", [&] {
    fs::create_directories(run_.directory().exports());
    publish_folder(target, [&](const fs::path& folder) { learner_->save_model(folder); });
  });
}

void StageLoop::book_save(double begin_s) {
  const double seconds = run_.clock().now_s() - begin_s;
  run_.write_if_possible("ledger.jsonl", [&] {
    run_.enter_at_once({"save", state_.step, seconds, seconds, 0, 0.0});
  });
}

// final/ comes first: it is what the run was for, and takes less space than a checkpoint.
void StageLoop::finish() {
  if (learner_ != nullptr && run_.is_first()) {
    run_.observer().on_phase(state_.step, "save");
    const double begin = run_.clock().now_s();
    run_.write_when_possible([&] {
      publish_folder(run_.directory().final_model(),
                     [&](const fs::path& folder) { learner_->save_model(folder); });
    });
    book_save(begin);
  }
  if (!is_saved() && !save_checkpoint(learner_ == nullptr))
    run_.observer().on_warning(
        "final/ is whole, but the run cannot be given more steps from here: the last checkpoint "
        "could not be written");
  is_saved_ = true;  // save_best may load other weights: none are saved after it
  if (run_.is_first() && learner_ != nullptr && run_.settings().keep_best && state_.best_step >= 0)
    run_.write_if_possible("best/", [&] { save_best(); });
  run_.settle("save", state_.step);
}

void StageLoop::save_best() {
  if (state_.best_step != state_.step) {
    if (!run_.checkpoints().has(state_.best_step)) {
      run_.observer().on_warning(fmt::format(
          "best/ is not written: the checkpoint of the best step, {}, is gone", state_.best_step));
      return;
    }
    run_.checkpoints().load_weights(state_.best_step, *learner_);
  }
  publish_folder(run_.directory().best_model(),
                 [&](const fs::path& folder) { learner_->save_model(folder); });
}

}  // namespace gradus::rl
