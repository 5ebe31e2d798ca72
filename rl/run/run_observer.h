#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "rl/run/metrics_log.h"

namespace gradus::rl {

/// What a run is made of, once all of it is loaded.
struct RunOpening {
  std::string task;
  std::string model;      ///< the checkpoint, or a fresh model's config
  bool is_fresh = false;  ///< a new model
  int64_t num_parameters = 0;
  int64_t num_trained = 0;
  int64_t num_rows = -1;     ///< prompts or texts; 0: no end; -1: it reads none
  int64_t num_left_out = 0;  ///< of the data's rows
  std::string first_text;    ///< the first prompt as the model gets it, or the first text
  int64_t first_text_tokens = 0;
  std::filesystem::path directory;
  int64_t memory_bytes = 0;  ///< estimated peak
  int64_t free_bytes = 0;    ///< once the model is loaded
};

/// What a run tells whoever watches it (progress bars, a dashboard, a test). Called on the thread
/// that trains, except `on_progress`, which rollout workers call as well, one call at a time.
class RunObserver {
 public:
  virtual ~RunObserver() = default;

  /// Everything is loaded, and nothing done.
  virtual void on_opening(const RunOpening& /*opening*/) {}
  /// The steps begin: `step` are done, the run has `steps` at most.
  virtual void on_begin(int64_t /*step*/, int64_t /*steps*/) {}
  /// A phase begins: "load", "rollout", "rewards", "update", "evaluate", "checkpoint", "save".
  virtual void on_phase(int64_t /*step*/, const std::string& /*phase*/) {}
  /// Part of the current phase is done, e.g. prompts answered.
  virtual void on_progress(int64_t /*done*/, int64_t /*total*/) {}
  /// A step is complete and logged.
  virtual void on_step(const MetricsRecord& /*metrics*/) {}
  /// An evaluation is complete; it also stands in the step's metrics.
  virtual void on_eval(int64_t /*step*/, const MetricsRecord& /*metrics*/) {}
  /// Something the user should know that does not end the run.
  virtual void on_warning(const std::string& /*message*/) {}
};

}  // namespace gradus::rl
