#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/settings/registry.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/learner.h"
#include "rl/learn/metrics.h"
#include "rl/run/run.h"
#include "rl/stages/run_config.h"

namespace gradus::rl {

/// What one step did, beside the weights it changed.
struct StepReport {
  Metrics metrics;
  std::map<std::string, std::vector<int64_t>> lists;  ///< figures of many numbers
  std::vector<LedgerEntry> ledger;
  int64_t cursor = 0;  ///< of the next step
  int64_t num_tokens = 0;
  std::string skip_reason;  ///< not empty: the update was skipped
  std::string samples;      ///< JSON lines; empty: nothing to show
};

struct EvalReport {
  Metrics metrics;     ///< keys begin with "eval/", times with "time/"
  double score = 0.0;  ///< larger is better; decides which step is the best
  LedgerEntry cost;
  std::string samples;  ///< JSON lines, one per problem
};

/// What a stage is given for one step.
struct StepContext {
  Run& run;
  int64_t step = 0;    ///< from 1; of an evaluation: the last one done
  int64_t cursor = 0;  ///< of the data: the next prompt or text
};

/// A kind of work, step by step: what happens within a step. A learner, where the stage has one,
/// was given to it when it was made, as were its data and rules; nothing hands itself on.
class Stage {
 public:
  virtual ~Stage() = default;
  /// Makes step `context.step`, weights published. Nothing when it was stopped: the weights are
  /// then unchanged.
  /// @throws Stopped  in the middle of an update; the learner's keeper brings the weights back.
  virtual std::optional<StepReport> step(const StepContext& context) = 0;
  /// The length of a run over `epochs` > 0 times the rows; a function of the recipe and the data.
  /// @throws ConfigError  the data has no end.
  virtual RunLength length_of(double epochs) const;
  /// Fills in rows and the first text, where the stage reads data.
  virtual void describe_data(RunOpening&) const {}
  virtual bool can_evaluate() const { return false; }
  /// Nothing when it was stopped.
  virtual std::optional<EvalReport> evaluate(const StepContext&) { return std::nullopt; }

  /// After the last step, before the run is finished: what is made of all steps. May come again,
  /// where a kill came in between. @throws FileError
  virtual void finish(Run&) {}

  /// What the stage remembers of the steps so far beside weights and cursor (what it has warned
  /// of), as it stands in a checkpoint; empty: nothing.
  virtual std::string memory() const { return {}; }
  /// Puts that back. @throws FileError  it is none of this stage's.
  virtual void recall(const std::string&) {}
};

/// What an update needs of the run and the learner.
StepEnvironment environment_of(const Run& run, Learner& learner);

/// The index of the data at which `epochs` passes over its rows end, at least 1.
/// @param num_rows  0: no end. @throws ConfigError  there is none.
int64_t end_of_epochs(double epochs, int64_t num_rows);

/// What one step computes at most (all completions at full length).
struct StepCost {
  int64_t rollout_tokens = 0;
  int64_t trained_tokens = 0;
  double rollout_flops = 0.0;
  double train_flops = 0.0;
};

/// One value of `run.task`. A new stage is a file with its record and a line in records.inc.
struct StageKind {
  std::string_view name;
  std::string_view text;
  bool samples = false;  ///< its steps sample completions: rollouts have weights and a cache
  bool learns = true;    ///< false: weights stay as they are; there is no final/
  /// What no single setting can say. @throws ConfigError  naming the setting; begins with `source`.
  void (*check)(const RunConfig& config, const std::string& source);
  /// @param run, learner  outlive the stage.
  std::unique_ptr<Stage> (*make)(const RunConfig& config, Run& run, Learner& learner);
  /// @param prompt_tokens  typical length of a prompt.
  StepCost (*estimate)(const RunConfig& config, const policy::ModelConfig& model,
                       int64_t prompt_tokens);
  /// Rows of the largest microbatch.
  int64_t (*microbatch_rows)(const RunConfig& config);
  /// Held-out data that the stage evaluates a loss on; null: none but text.eval_path.
  std::string (*eval_path)(const RunConfig& config) = nullptr;
  bool has_score_head = false;  ///< it trains a reward model's head beside the policy
};

const Registry<StageKind>& stages();

}  // namespace gradus::rl
