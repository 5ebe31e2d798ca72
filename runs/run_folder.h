#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rl/run/metrics_log.h"

namespace gradus::runs {

/// The folder of the run that a person calls `name`: a path, or a name below ./runs; nothing:
/// neither is a run.
std::optional<std::filesystem::path> find_run(const std::string& name);
/// The same. @throws FileError  kind "missing": neither is a run.
std::filesystem::path locate_run(const std::string& name);

/// What a person calls the run: its name below ./runs, else the path.
std::string name_of_run(const std::filesystem::path& run);

/// Whether a process works on the run: it holds the run's lock.
bool is_held(const std::filesystem::path& run);

/// The process that works on a run, as it holds the run's lock.
struct Holder {
  pid_t pid = 0;  ///< 0: one that cannot be seen from here (another container or machine)
};
/// Nothing: no process works on it.
std::optional<Holder> holder_of(const std::filesystem::path& run);

/// What an entry of a run's folder takes on the disk, with everything below it.
struct DiskUse {
  std::string name;   ///< "checkpoints", "final", "metrics.jsonl", ...
  int64_t bytes = 0;  ///< blocks that are taken; a file with several names counts once
  int64_t files = 0;
};
/// Entries of the folder, the largest first. @throws FileError
std::vector<DiskUse> disk_use(const std::filesystem::path& run);
int64_t total_bytes(const std::vector<DiskUse>& uses);

/// What a run can do without: checkpoints but the `keep` newest that are whole and the best one,
/// damaged ones, and what was left unfinished; with keep = 0 every checkpoint. Reads all of those
/// that it keeps. @throws FileError
std::vector<std::filesystem::path> dispensable(const std::filesystem::path& run, int keep);

/// Removes the paths, which a kill meanwhile leaves whole or gone from the run's view.
/// The caller holds the run's lock. @throws FileError  names the first that stays.
void remove_from_run(const std::vector<std::filesystem::path>& paths);

/// The steps of a run that goes on, as they are written.
class StepFollower {
 public:
  explicit StepFollower(std::filesystem::path run) : run_(std::move(run)) {}

  /// Steps since the last call. After a resume that went back, those steps come again.
  /// @throws FileError  a line that is no record.
  std::vector<rl::MetricsRecord> poll();

 private:
  std::filesystem::path run_;
  int64_t offset_ = 0;  ///< bytes of metrics.jsonl that were read, whole lines
};

}  // namespace gradus::runs
