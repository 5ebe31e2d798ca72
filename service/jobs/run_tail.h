#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "service/jobs/job_store.h"

namespace gradus::service {

/// Follows a run's metrics.jsonl and warnings.jsonl while it grows, and makes events of their
/// lines. Where a file became shorter (the run went on from a checkpoint) it is read from its
/// beginning: the store drops steps that it has.
class RunTail {
 public:
  RunTail(std::filesystem::path run, int64_t steps) : run_(std::move(run)), steps_(steps) {}

  /// Events of the whole lines that came since the last call.
  std::vector<JobEvent> read();
  int64_t last_step() const { return last_step_; }
  int64_t trained_tokens() const { return trained_tokens_; }

 private:
  std::vector<nlohmann::json> new_lines(const std::filesystem::path& path, int64_t& offset);
  JobEvent metrics_event(const nlohmann::json& line);

  std::filesystem::path run_;
  int64_t steps_;
  int64_t metrics_offset_ = 0;
  int64_t warnings_offset_ = 0;
  int64_t last_step_ = 0;
  int64_t trained_tokens_ = 0;
};

/// The figures of a step in OpenAI's names.
nlohmann::json figures_of_step(const nlohmann::json& line);

/// The result file of a job: one line a step.
std::string results_csv(const std::vector<JobEvent>& metrics, bool is_reinforcement);

}  // namespace gradus::service
