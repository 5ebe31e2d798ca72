#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/parallel.h"
#include "policy/policy.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rl/evaluation/evaluate.h"
#include "rl/learn/optimizers/optimizer.h"
#include "rl/recipe/run_config.h"
#include "rl/run/checkpoint_store.h"
#include "rl/run/ledger.h"
#include "rl/run/metrics_log.h"
#include "rl/run/run_directory.h"
#include "rl/run/run_observer.h"
#include "rl/run/tensorboard_writer.h"

namespace gradus::rl {

/// What a run needs from outside.
struct RunEnvironment {
  RunObserver& observer;
  std::stop_token stop;  ///< requested: break sampling and grading off, save, return
  const Clock& clock;
};

struct RunOutcome {
  RunPhase phase = RunPhase::finished;  ///< finished or stopped; failures are thrown
  int64_t step = 0;
  std::filesystem::path directory;
};

/// What one step did, beside the weights it changed.
struct StepReport {
  std::map<std::string, double> metrics;
  std::map<std::string, std::vector<int64_t>> lists;  ///< figures of many numbers
  std::vector<LedgerEntry> ledger;
  int64_t cursor = 0;  ///< of the next step
  int64_t num_tokens = 0;
  std::string skip_reason;  ///< not empty: the update was skipped
  std::string samples;      ///< JSON lines; empty: nothing to show
};

struct EvalReport {
  std::map<std::string, double> metrics;  ///< keys begin with "eval/", times with "time/"
  double score = 0.0;                     ///< larger is better; decides which step is the best
  LedgerEntry cost;
  std::string samples;  ///< JSON lines, one per problem
};

class TrainingRun;

/// A task: what happens within a step.
class StepTask {
 public:
  virtual ~StepTask() = default;
  /// Makes update number `step` (from 1) and publishes the weights. Nothing when it was stopped;
  /// the weights are then unchanged.
  virtual std::optional<StepReport> make_step(TrainingRun& run, int64_t step) = 0;
  virtual bool can_evaluate() const = 0;
  /// Nothing when it was stopped.
  virtual std::optional<EvalReport> evaluate(TrainingRun& run, int64_t step) = 0;
};

/// The loop around the steps of every task: log, evaluate, save, resume.
///
///   restore -> [ make_step -> ledger, samples -> evaluate? -> metrics -> checkpoint? ] ... ->
///   final
///
/// After a kill at any instant the next one goes on from the newest whole checkpoint, or from the
/// start, and leaves the same weights and the same deterministic metrics as if nothing had
/// happened: logs are cut to the sizes that the checkpoint knew, and a step is a function of
/// (recipe, seed, step, cursor). A step whose metrics wait for their evaluation is part of the
/// state, so that a stop need not wait for the evaluation's end.
class TrainingRun {
 public:
  /// Loads tokenizer and model and restores the newest whole checkpoint, if there is one.
  /// @throws FileError, ConfigError
  TrainingRun(RunConfig config, RunDirectory directory, RunEnvironment environment);

  /// Steps until the recipe's last one, a stop, or an error, which also stands in status.json.
  RunOutcome run(StepTask& task);

  const RunConfig& config() const { return config_; }
  const RunDirectory& directory() const { return directory_; }
  const RunEnvironment& environment() const { return environment_; }
  const TrainState& state() const { return state_; }
  const policy::LoadedTokenizer& tokenizer() const { return tokenizer_; }
  policy::Policy& policy() { return *policy_; }
  Optimizer& optimizer() { return *optimizer_; }
  ThreadTeam& team() { return team_; }
  int threads() const { return team_.size(); }
  bool is_stopping() const { return environment_.stop.stop_requested(); }
  /// Steps whose checkpoints exist, ascending.
  std::vector<int64_t> checkpoint_steps() const { return checkpoints_.steps(); }

 private:
  struct Logs {
    MetricsLog metrics;
    Ledger ledger;
    TensorboardWriter events;
  };

  void restore();
  RunOutcome steps(StepTask& task);
  bool finish_step(StepTask& task);
  bool evaluate(StepTask& task, bool& is_best);
  bool is_eval_due(const StepTask& task, int64_t step) const;
  void absorb(StepReport report, int64_t step);
  void stop_after_skips(const std::string& reason) const;
  void log(const MetricsRecord& record);
  void save_checkpoint(bool must_succeed);
  void save_models();
  void save_model(const std::filesystem::path& target) const;

  RunConfig config_;
  RunDirectory directory_;
  RunEnvironment environment_;
  ThreadTeam team_;
  policy::LoadedTokenizer tokenizer_;
  std::unique_ptr<policy::Policy> policy_;
  std::unique_ptr<Optimizer> optimizer_;
  CheckpointStore checkpoints_;
  TrainState state_;
  std::optional<Logs> logs_;
  bool is_saved_ = false;  ///< the newest checkpoint holds the present state
};

/// Tells of rows that were left out, and of rows that repeat.
void warn_about(const rollout::PromptSource& prompts, RunObserver& observer);

/// An evaluation by sampling, as the step task of a run reports it.
std::optional<EvalReport> evaluate_in_run(TrainingRun& run, Evaluator& evaluator,
                                          rollout::RolloutPool& pool, int64_t step);

}  // namespace gradus::rl
