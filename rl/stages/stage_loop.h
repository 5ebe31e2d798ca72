#pragma once

#include <map>
#include <optional>
#include <string>

#include "rl/learn/learner.h"
#include "rl/run/run.h"
#include "rl/run/stop_rule.h"
#include "rl/stages/stage.h"

namespace gradus::rl {

/// The loop around the steps of every stage: log, evaluate, save, resume.
///
///   restore -> [ step -> ledger, samples -> evaluate? -> metrics -> checkpoint? ] ...
///     finished  -> final/ -> checkpoint -> best/      stopped, or out of time  -> checkpoint
///     an error  -> checkpoint of the last whole step, where the weights still are, or can be
///                  brought back to, where that left them
///
/// After a kill at any instant the next one goes on from the newest whole checkpoint, or from the
/// start, and leaves the same weights and the same deterministic metrics as if nothing had
/// happened: logs are cut to the sizes that the checkpoint knew, and a step is a function of
/// (recipe, seed, step, cursor). A step whose metrics wait for their evaluation is part of the
/// state, so that a stop need not wait for the evaluation's end.
class StageLoop {
 public:
  /// Restores the newest whole checkpoint, if there is one, into the learner.
  /// @param learner  null: a stage without one. @param max_skipped_steps  optim.max_skipped_steps.
  /// @throws FileError, ConfigError
  StageLoop(Run& run, Learner* learner, int max_skipped_steps);

  /// Steps until the last one, a stop, or an error, which also stands in status.json.
  RunOutcome run(Stage& stage);

  const TrainState& state() const { return state_; }

 private:
  RunOutcome steps(Stage& stage);
  RunOutcome stop_for_time();
  bool has_time() const;
  std::optional<std::string> end_reason() const;
  std::optional<StepReport> try_step(Stage& stage);
  bool finish_step(Stage& stage);
  std::optional<std::map<std::string, double>> evaluate(Stage& stage, bool& is_best);
  bool is_eval_due(const Stage& stage, bool is_last) const;
  double score_of(const EvalReport& report);
  void note_best(const EvalReport& report, bool& is_best);
  void absorb(StepReport report, int64_t step, std::string memory);
  void stop_after_skips(const std::string& reason);
  bool is_saved() const;
  bool save_checkpoint(bool must_succeed);
  void export_checkpoint();
  void book_save(double begin_s);
  void save_after_error();
  void finish();
  void save_best();
  void write_status(RunPhase phase, const std::string& reason);

  Run& run_;
  Learner* learner_;
  int max_skipped_steps_;
  TrainState state_;
  StopRule stop_rule_;
  bool is_saved_ = false;        ///< the newest checkpoint holds the present state
  double longest_step_s_ = 0.0;  ///< of this process, with all that follows a step
};

}  // namespace gradus::rl
