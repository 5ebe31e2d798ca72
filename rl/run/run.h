#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "rl/parallel/communicator.h"
#include "rl/run/checkpoint_store.h"
#include "rl/run/ledger.h"
#include "rl/run/loggers/logger.h"
#include "rl/run/metrics_log.h"
#include "rl/run/run_directory.h"
#include "rl/run/run_observer.h"
#include "rl/run/run_settings.h"
#include "rl/run/warnings.h"

namespace gradus::rl {

/// What a run needs from outside.
struct RunEnvironment {
  RunObserver& observer;
  std::stop_token stop;  ///< requested: break sampling, grading and updates off, save, return
  const Clock& clock;
  /// Whether somebody has asked since the last call for a checkpoint after the present step; empty:
  /// nobody does.
  std::function<bool()> wants_checkpoint = {};
  /// A resumed run all of whose checkpoints are damaged or gone may begin again at its first step.
  bool may_begin_anew = false;
  /// Since when, by the clock, the devices are held for this run and no other; empty: since `train`
  /// or `resume` was called. The ledger begins there.
  std::optional<double> begun_s = {};
  /// Called with the run's folder when the run is over and its records are written; its time is in
  /// the ledger. Empty: nothing.
  std::function<void(const std::filesystem::path&)> at_end = {};
  /// Measured rates of stages and devices, for the estimate at the start
  /// (rl/recipe/calibration.h); empty: none.
  std::filesystem::path calibration = {};
  /// The processes that work on the run; null: this one alone. Rank 0's folder is the run's, where
  /// the others have folders of their own that nobody keeps.
  std::shared_ptr<Communicator> ranks = {};
  /// Where run.threads is 0; 0: all cores.
  int threads = 0;
};

struct RunOutcome {
  RunPhase phase = RunPhase::finished;  ///< finished or stopped; failures are thrown
  int64_t step = 0;
  std::filesystem::path directory;
  std::string reason;  ///< why, where neither the last step nor a stop request is it
};

/// Where a run ends that nothing else ends.
struct RunLength {
  int64_t steps = 0;
  int64_t cursor = -1;  ///< of the data: no step is begun from there on; -1: the steps alone count
};

/// A run: its folder with logs, ledger and checkpoints, who watches it, and when it stops. Needs no
/// model and knows no task.
class Run {
 public:
  /// @param life  of this process with the run; null: it begins now.
  Run(RunSettings settings, LedgerConfig ledger, RunDirectory directory, RunEnvironment environment,
      std::unique_ptr<LifeKeeper> life = nullptr);

  const RunSettings& settings() const { return settings_; }
  const RunDirectory& directory() const { return directory_; }
  RunObserver& observer() const { return *observer_; }
  const Clock& clock() const { return environment_.clock; }
  const std::stop_token& stop() const { return environment_.stop; }
  /// Seconds since this process began to work on the run.
  double seconds_so_far() const { return clock().now_s() - begin_s_; }
  /// What run.epochs comes to, once the rows are known.
  void set_length(const RunLength& length);
  bool is_past_end(int64_t step, int64_t cursor) const {
    return step >= settings_.steps || (end_cursor_ >= 0 && cursor >= end_cursor_);
  }
  bool is_stopping() const { return environment_.stop.stop_requested(); }
  /// Whether any rank was asked to stop. All ranks ask at the same place.
  bool agrees_to_stop() const;
  Communicator& ranks() const { return *environment_.ranks; }
  const std::shared_ptr<Communicator>& shared_ranks() const { return environment_.ranks; }
  /// Whether this process writes what the run leaves behind.
  bool is_first() const { return ranks().rank() == 0; }
  int default_threads() const { return environment_.threads; }
  /// Figures become those of rank 0, so that all ranks decide alike.
  void agree_on(std::map<std::string, double>& figures) const;
  CheckpointStore& checkpoints() { return checkpoints_; }

  /// The state of the newest whole checkpoint, loaded into the learner if there is one, else that
  /// of a run that begins; logs are cut to the sizes that it knows and opened.
  /// Logs that are gone begin anew, with a warning.
  /// @return  the state, and whether a checkpoint holds it.
  /// @throws FileError  as CheckpointStore says; ConfigError  it was made with another seed.
  std::pair<TrainState, bool> restore(Learner* learner);

  /// Removes the run's records: it did nothing. No other call may follow.
  void discard();

  bool wants_checkpoint() const {
    return environment_.wants_checkpoint && environment_.wants_checkpoint();
  }

  /// Appends a line to the ledger, waiting for space. @throws FileError
  void enter(const LedgerEntry& entry);
  void enter_at_once(const LedgerEntry& entry);
  /// Enters what no line of the ledger took so far as `stage`; where that fails, with the next.
  void settle(const std::string& stage, int64_t step);
  /// Does what whoever runs it wants done at its end.
  void end(int64_t step);
  /// A step's line in metrics.jsonl, and in the loggers where that is due; what those cannot take
  /// is a warning. @throws FileError
  void log(const MetricsRecord& record);
  /// Saves the state with the logs' sizes, and removes checkpoints that are no longer kept; where
  /// the disk is full, all but the newest and the best first. Where ranks share the moments, all
  /// call it.
  /// @throws FileError
  void save_checkpoint(TrainState& state, Learner* learner);
  /// Writes what the run does not depend on (samples, status, a logger's points). A failure is a
  /// warning, said once until it works again.
  /// @param what  names it: "samples".
  void write_if_possible(const std::string& what, const std::function<void()>& write);
  /// Does what the run cannot go on without. While the disk is full it waits for space, for
  /// run.disk_full_wait_s at most or until the run is stopped.
  /// @throws FileError  from `write`, which leaves things as they were before it failed.
  void write_when_possible(const std::function<void()>& write);

 private:
  struct Logs {
    MetricsLog metrics;
    Ledger ledger;
    std::vector<std::pair<const LoggerKind*, std::unique_ptr<Logger>>> others;
  };

  std::pair<TrainState, bool> restore_own(Learner* learner);
  void open_logs(const TrainState& state);

  RunSettings settings_;
  std::unique_ptr<WarningKeeper> observer_;
  std::set<std::string> failing_;  ///< what write_if_possible could not write the last time
  LedgerConfig ledger_config_;
  RunDirectory directory_;
  RunEnvironment environment_;
  double begin_s_;
  int64_t end_cursor_ = -1;
  std::unique_ptr<LifeKeeper> life_;
  CheckpointStore checkpoints_;
  std::optional<Logs> logs_;
};

}  // namespace gradus::rl
