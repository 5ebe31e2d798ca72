#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

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
  /// Best score of the evaluations so far, larger is better: minus a loss.
  double best_accuracy = 0.0;
  int64_t best_step = -1;   ///< -1: not evaluated yet
  std::string best_metric;  ///< the run.best_metric that it is a value of
  std::string stopping;     ///< StopRule::memory
  /// The last step's figures, while its line in metrics.jsonl waits for the step's evaluation.
  std::optional<MetricsRecord> unlogged;
  std::map<std::string, int64_t> log_bytes;  ///< sizes of the run's growing files
  std::string memory;                        ///< the stage's own (Stage::memory)
};

/// As state.json holds it, with AdamW's step count.
std::string state_text(const TrainState& state, int64_t optimizer_steps);

/// Reads that. @param where  begins the errors. @throws FileError  kind "bad_state" or
/// "invalid_json".
std::pair<TrainState, int64_t> read_state(const std::string& text, const std::string& where);

}  // namespace gradus::rl
