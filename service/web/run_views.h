#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "runs/run_view.h"

namespace gradus::service {

/// What a list of runs says of one.
struct RunSummary {
  std::string state;
  std::string reason;
  std::string updated;
  int64_t step = 0;
  int64_t steps = 0;
  std::optional<double> reward;
  std::optional<double> accuracy;
};

RunSummary summary_of(const runs::RunView& run);

/// Runs that pages look at every few seconds, kept as they were read: of one that goes on what was
/// appended is read, of one that stands nothing. Any thread; one at a time works on a run.
class RunViews {
 public:
  /// What is kept of a run.
  struct Kept {
    std::mutex mutex;
    runs::RunView view;
    nlohmann::json cost;     ///< made by who shows it; null: not yet
    double cost_at_s = 0.0;  ///< when, by steady_now_s
    double cost_took_s = 0.0;
    double used_s = 0.0;
  };

  /// A run that cannot be read is "unreadable", with the reason.
  RunSummary summary(const std::filesystem::path& run);

  /// `use(kept)` with the run as it is now. @throws FileError  as runs::read_run
  template <class Use>
  auto with(const std::filesystem::path& run, Use use) {
    const auto kept = find(run);
    const std::lock_guard lock(kept->mutex);
    refresh(run, *kept);
    return use(*kept);
  }

 private:
  /// What a change of the run changes.
  struct Stamp {
    std::filesystem::file_time_type metrics_time;
    std::filesystem::file_time_type status_time;
    uintmax_t metrics_bytes = 0;
    bool is_held = false;
    bool operator==(const Stamp&) const = default;
  };
  static Stamp stamp_of(const std::filesystem::path& run);
  std::shared_ptr<Kept> find(const std::filesystem::path& run);
  static void refresh(const std::filesystem::path& run, Kept& kept);

  std::mutex mutex_;
  std::map<std::string, std::pair<Stamp, RunSummary>> summaries_;
  std::map<std::string, std::shared_ptr<Kept>> kept_;
};

/// Seconds of a clock that only goes forward.
double steady_now_s();

}  // namespace gradus::service
