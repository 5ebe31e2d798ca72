#pragma once

#include <cstdint>
#include <string>

#include "rl/run/metrics_log.h"

namespace gradus::rl {

/// What a run tells whoever watches it (progress bars, a dashboard, a test). Called on the thread
/// that trains, except `on_progress`, which rollout workers call as well, one call at a time.
class RunObserver {
 public:
  virtual ~RunObserver() = default;

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
