#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "rl/learn/learner.h"
#include "rl/run/metrics_log.h"

namespace gradus::rl {

/// Everything of a run that is not in its recipe, its weights or its optimizer's moments. Chance
/// needs no state: every random stream is keyed by the seed and a counter below.
struct TrainState {
  int64_t step = 0;              ///< updates done
  int64_t cursor = 0;            ///< prompts or texts consumed; the next one's index
  uint64_t seed = 0;             ///< of the run, for a check on resume
  int64_t skipped_in_a_row = 0;  ///< last steps whose gradient was not finite
  int64_t num_tokens = 0;        ///< sampled or trained so far
  double best_accuracy =
      0.0;                 ///< of the evaluations so far; minus the loss where that is evaluated
  int64_t best_step = -1;  ///< -1: not evaluated yet
  /// The last step's figures, while its line in metrics.jsonl waits for the step's evaluation.
  std::optional<MetricsRecord> unlogged;
  std::map<std::string, int64_t> log_bytes;  ///< sizes of the run's growing files
};

/// The folder RUN/checkpoints. A checkpoint `step-000123/` holds
///
///   weights.safetensors    trained parameters and the biases of routers, float32
///   optimizer.safetensors  AdamW's moments, float32
///   state.json             TrainState and AdamW's step count
/// (a stage without a learner: state.json alone)
///   manifest.json          {"format", "step", "files": {name: {"bytes", "crc64"}}}
///
/// It is written as `.tmp-step-000123/`: files, fsync of each, the manifest last, then one rename
/// and an fsync of the folder. So a folder without the prefix is complete; its checksums are
/// verified on load all the same, because disks and people damage files too.
class CheckpointStore {
 public:
  using Warn = std::function<void(const std::string&)>;

  /// Removes what earlier writers left unfinished. @param warn  told of anything passed over.
  CheckpointStore(std::filesystem::path folder, Warn warn);

  /// @throws FileError  e.g. the disk is full; earlier checkpoints are untouched.
  /// @param learner  null: a stage without one, of which the state is all there is.
  void save(const TrainState& state, Learner* learner);

  /// Loads the newest checkpoint that is whole into the learner, if there is one, and publishes the
  /// weights. Damaged ones are passed over with a warning and renamed to `damaged-step-...`, for
  /// inspection. Nothing: there is none.
  /// @throws FileError  a whole checkpoint belongs to another model.
  std::optional<TrainState> load_newest(Learner* learner);

  /// Loads the weights of one step, e.g. the best one. @throws FileError
  void load_weights(int64_t step, Learner& learner) const;

  /// Removes all but the `keep` newest and the best one.
  void prune(int keep, int64_t best_step) const;

  bool has(int64_t step) const;
  /// Steps of all checkpoints, ascending; not verified.
  std::vector<int64_t> steps() const;
  std::filesystem::path path_of(int64_t step) const;

 private:
  void write(const TrainState& state, Learner* learner) const;

  std::filesystem::path folder_;
  Warn warn_;
};

/// Checks a checkpoint folder against its manifest.
/// @throws FileError  kind "missing", "checkpoint_truncated" or "checksum_mismatch".
void verify_checkpoint(const std::filesystem::path& folder);

}  // namespace gradus::rl
