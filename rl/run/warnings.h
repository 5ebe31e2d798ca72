#pragma once

#include <cstdint>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/files/append_file.h"
#include "rl/run/run_observer.h"

namespace gradus::rl {

/// A line of warnings.jsonl: {"step", "time", "message"}.
struct KeptWarning {
  int64_t step = 0;  ///< during which it was said; 0: before the first one
  std::string time;  ///< UTC
  std::string message;
};

/// Stands between a run and whoever watches it: passes everything on, and writes each warning to
/// RUN/warnings.jsonl, where it can be read when the terminal is gone. The file only grows; what a
/// resumed run says again of a step it does again stands there once. A warning that cannot be
/// written is passed on all the same, and written when that works again.
class WarningKeeper final : public RunObserver {
 public:
  /// @param observer  outlives this.
  WarningKeeper(std::filesystem::path path, RunObserver& observer);

  void on_opening(const RunOpening& opening) override { observer_.on_opening(opening); }
  void on_begin(int64_t step, int64_t steps) override { observer_.on_begin(step, steps); }
  void on_phase(int64_t step, const std::string& phase) override;
  void on_progress(int64_t done, int64_t total) override { observer_.on_progress(done, total); }
  void on_step(const MetricsRecord& metrics) override { observer_.on_step(metrics); }
  void on_eval(int64_t step, const MetricsRecord& metrics) override {
    observer_.on_eval(step, metrics);
  }
  void on_warning(const std::string& message) override;

 private:
  void write();

  std::filesystem::path path_;
  RunObserver& observer_;
  std::mutex mutex_;
  std::set<std::pair<int64_t, std::string>> kept_;
  std::deque<std::string> unwritten_;  ///< lines
  std::optional<AppendFile> file_;     ///< made with the first warning
  int64_t step_ = 0;
};

/// The warnings of a run in the order in which they were said; lines that are none are left out.
/// @throws FileError  the file is there and cannot be read.
std::vector<KeptWarning> read_warnings(const std::filesystem::path& path);

}  // namespace gradus::rl
