#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/files/file_descriptor.h"

namespace gradus::rl {

enum class RunPhase { running, finished, stopped, failed };

void write_status(const std::filesystem::path& run, RunPhase phase, const std::string& reason,
                  int64_t step, int64_t steps);

/// The folder that holds everything a run leaves behind; docs/run_directory.md lists it.
///
/// One process at a time: opening takes an advisory lock (flock on RUN/.lock) that lives as long
/// as the object and dies with the process.
class RunDirectory {
 public:
  /// Makes the folder and writes recipe.toml. A run there that never finished a step is begun
  /// again: its records are removed.
  /// @throws FileError  kind "run_exists": the folder holds a run with steps; "locked": another
  ///                    process works on it; or it cannot be written.
  static RunDirectory create(const std::filesystem::path& path, const std::string& recipe_toml);

  /// Opens the folder of an earlier run and repairs what a kill may have left: temporary
  /// folders are removed, a final/ that was being replaced is put back.
  /// @throws FileError  kind "missing": no run there; "locked".
  static RunDirectory open(const std::filesystem::path& path);

  /// Removes what `create` and a run without a step made, and the folders that `create` made where
  /// they are empty then: nothing was done.
  void discard();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path recipe() const { return path_ / "recipe.toml"; }
  std::filesystem::path metrics() const { return path_ / "metrics.jsonl"; }
  std::filesystem::path ledger() const { return path_ / "ledger.jsonl"; }
  std::filesystem::path lives() const { return path_ / "lives.jsonl"; }
  std::filesystem::path warnings() const { return path_ / "warnings.jsonl"; }
  std::filesystem::path inputs() const { return path_ / "inputs.json"; }
  std::filesystem::path checkpoints() const { return path_ / "checkpoints"; }
  std::filesystem::path samples() const { return path_ / "samples"; }
  std::filesystem::path exports() const { return path_ / "exports"; }
  std::filesystem::path final_model() const { return path_ / "final"; }
  std::filesystem::path best_model() const { return path_ / "best"; }

  /// Replaces recipe.toml, e.g. after a resume with more steps.
  void write_recipe(const std::string& recipe_toml) const;

  /// status.json: {"state", "reason", "step", "steps", "pid", "updated"}.
  void write_status(RunPhase phase, const std::string& reason, int64_t step, int64_t steps) const {
    rl::write_status(path_, phase, reason, step, steps);
  }

  /// samples/NAME, whole or absent.
  void write_samples(const std::string& name, const std::string& text) const;
  /// Removes the sample files of steps after `step`, which the resumed run writes again.
  void drop_samples_after(int64_t step) const;

 private:
  RunDirectory(std::filesystem::path path, FileDescriptor lock);

  std::filesystem::path path_;
  FileDescriptor lock_;
  std::filesystem::path first_made_;  ///< the highest folder that `create` made; empty: none
};

/// Takes the lock of a run's or a chain's folder, which dies with the process.
/// @throws FileError  kind "locked": another process has it.
FileDescriptor lock_folder(const std::filesystem::path& path);

/// Whether the run in a folder has finished a step, or what looks like it.
bool has_steps(const std::filesystem::path& run);

/// "step-000123", the name of a step's checkpoint and of its sample file's stem.
std::string step_name(int64_t step);
/// The step of such a name, or -1.
int64_t step_of_name(const std::string& name);

/// Runs `write(folder)` on an empty folder beside `target`, makes what it wrote durable and then
/// puts it in target's place, so that `target` is complete or absent at every moment.
void publish_folder(const std::filesystem::path& target,
                    const std::function<void(const std::filesystem::path&)>& write);

/// fsync of every file and folder below `folder`, and of the folder itself.
void sync_tree(const std::filesystem::path& folder);

}  // namespace gradus::rl
