#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "rl/learn/learner.h"
#include "rl/run/train_state.h"

namespace gradus::rl {

/// The folder RUN/checkpoints. A checkpoint `step-000123/` holds
///
///   weights.safetensors    trained parameters and the biases of routers, float32
///   optimizer.safetensors  AdamW's moments, float32
///   state.json             TrainState and AdamW's step count
/// (a stage without a learner: state.json alone)
///   manifest.json          {"format", "step", "files": {name: {"bytes", "crc64"}}}
///
/// RUN/.had-checkpoint says that there was one once.
///
/// It is written as `.tmp-step-000123/`: files, fsync of each, the manifest last, then one rename
/// and an fsync of the folder; where that fails, what was written is removed at once. So a folder
/// without the prefix is complete; its checksums are verified on load all the same, because disks
/// and people damage files too.
class CheckpointStore {
 public:
  using Warn = std::function<void(const std::string&)>;
  using NamedTensors = std::vector<std::pair<std::string, at::Tensor>>;

  /// Removes what earlier writers left unfinished. @param warn  told of anything passed over, and
  /// of what cannot be removed.
  CheckpointStore(std::filesystem::path folder, Warn warn);

  /// @throws FileError  e.g. the disk is full; earlier checkpoints are untouched.
  /// @param learner  null: a stage without one, of which the state is all there is.
  /// @param moments  of all parameters, where the learner's optimizer has a part of them alone.
  void save(const TrainState& state, Learner* learner, const NamedTensors* moments = nullptr);

  /// Reads moments of one checkpoint by name, e.g. those that other ranks have.
  /// @throws FileError  of the function too.
  std::function<void(const std::string& name, at::Tensor& moment)> moments_of(int64_t step) const;

  /// Loads the newest checkpoint that is whole into the learner, if there is one, and publishes the
  /// weights. Moments that ranks share are left to them (moments_of). Damaged ones (wrong contents)
  /// are passed over with a warning and renamed to `damaged-step-...`, for inspection. Nothing:
  /// there never was one.
  /// @param may_begin_anew  nothing as well where all that there were are damaged or gone.
  /// @throws FileError  a checkpoint cannot be read, which is no damage: nothing is renamed; a
  /// whole one belongs to another model; kind "no_checkpoint": none is left although some were, and
  /// the run may not begin anew.
  std::optional<TrainState> load_newest(Learner* learner, bool may_begin_anew = false);

  /// Loads the weights of one step, e.g. the best one. @throws FileError
  void load_weights(int64_t step, Learner& learner) const;

  /// Removes all but the `keep` newest and the best one. What cannot be removed is a warning.
  /// @return  how many were removed.
  int prune(int keep, int64_t best_step) const;

  bool has(int64_t step) const;
  /// Steps of all checkpoints, ascending; not verified.
  std::vector<int64_t> steps() const;
  std::filesystem::path path_of(int64_t step) const;

 private:
  void write(const TrainState& state, Learner* learner, const NamedTensors* moments) const;
  void put_in_place(const std::filesystem::path& temporary, int64_t step) const;
  void remove(const std::filesystem::path& path) const;
  bool was_ever_written() const;

  std::filesystem::path folder_;
  Warn warn_;
};

/// Checks a checkpoint folder against its manifest, and its state against its name.
/// @throws FileError  kind "missing", "checkpoint_truncated", "checksum_mismatch" and so on; or
/// that of an error of reading.
void verify_checkpoint(const std::filesystem::path& folder);

/// Whether such an error tells of wrong contents, and not of a disk, a limit or a permission that
/// keeps a whole checkpoint from being read.
bool is_damage(const FileError& error);

}  // namespace gradus::rl
