#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "rl/run/checkpoint_store.h"
#include "rl/run/ledger.h"
#include "rl/run/loggers/logger.h"
#include "rl/run/metrics_log.h"
#include "rl/run/run_directory.h"
#include "rl/run/run_observer.h"
#include "rl/run/run_settings.h"

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

/// A run: its folder with logs, ledger and checkpoints, who watches it, and when it stops. Needs no
/// model and knows no task.
class Run {
 public:
  Run(RunSettings settings, LedgerConfig ledger, RunDirectory directory,
      RunEnvironment environment);

  const RunSettings& settings() const { return settings_; }
  const RunDirectory& directory() const { return directory_; }
  RunObserver& observer() const { return environment_.observer; }
  const Clock& clock() const { return environment_.clock; }
  const std::stop_token& stop() const { return environment_.stop; }
  bool is_stopping() const { return environment_.stop.stop_requested(); }
  CheckpointStore& checkpoints() { return checkpoints_; }

  /// The state of the newest whole checkpoint, loaded into the learner if there is one, else that
  /// of a run that begins; logs are cut to the sizes that it knows and opened.
  /// @return  the state, and whether a checkpoint holds it.
  /// @throws FileError  as CheckpointStore says; ConfigError  it was made with another seed.
  std::pair<TrainState, bool> restore(Learner* learner);

  /// Appends a line to the ledger. @throws FileError
  void enter(const LedgerEntry& entry) { logs_->ledger.append(entry); }
  /// A step's line in metrics.jsonl, and in the loggers where that is due. @throws FileError
  void log(const MetricsRecord& record);
  /// Saves the state with the logs' sizes, and removes checkpoints that are no longer kept.
  /// @throws FileError
  void save_checkpoint(TrainState& state, Learner* learner);

 private:
  struct Logs {
    MetricsLog metrics;
    Ledger ledger;
    std::vector<std::pair<const LoggerKind*, std::unique_ptr<Logger>>> others;
  };

  void open_logs(const TrainState& state);

  RunSettings settings_;
  LedgerConfig ledger_config_;
  RunDirectory directory_;
  RunEnvironment environment_;
  CheckpointStore checkpoints_;
  std::optional<Logs> logs_;
};

}  // namespace gradus::rl
