#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/files/append_file.h"

namespace gradus::rl {

/// One line of metrics.jsonl.
struct MetricsRecord {
  int64_t step = 0;
  std::map<std::string, double> values;
  std::map<std::string, std::vector<int64_t>> lists;  ///< "moe/load/3": rows per expert
};

/// Whether a figure is a function of the recipe alone. Keys under `time/`, `perf/` and `rollout/`
/// depend on the clock, the machine's load and the number of workers; all others have the same bits
/// in every run of the recipe, killed and resumed or not.
bool is_deterministic_metric(std::string_view name);

/// {"step": n, "key": value, ...} on one line, keys in order, values in the shortest form that
/// reads back to the same double; those that are not finite become null. Lists of whole numbers
/// come last.
std::string metrics_line(const MetricsRecord& record);

/// metrics.jsonl: one object per step; that of step 0 holds the evaluation before training.
class MetricsLog {
 public:
  /// Drops what lies past `num_bytes`, the size that a checkpoint noted.
  MetricsLog(const std::filesystem::path& path, int64_t num_bytes);

  /// A line is whole or absent. @throws FileError  e.g. the disk is full.
  void append(const MetricsRecord& record);
  void sync() { file_.sync(); }
  int64_t num_bytes() const { return file_.num_bytes(); }

 private:
  AppendFile file_;
};

/// Appends a whole line, or nothing when that fails. @throws FileError
void append_line_or_nothing(AppendFile& file, std::string_view line);

/// The record of one line of metrics.jsonl. @param where  the line's place, for the error.
/// @throws FileError  the line is not an object of numbers.
MetricsRecord parse_metrics_line(const std::string& line, const std::string& where);

/// All whole lines of a metrics.jsonl; a torn last line (a run being written, or killed) is left
/// out. @throws FileError  missing, or a line that is not an object of numbers.
std::vector<MetricsRecord> read_metrics(const std::filesystem::path& path);

}  // namespace gradus::rl
