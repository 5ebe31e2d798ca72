#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "rl/run/metrics_log.h"
#include "rl/run/warnings.h"

namespace gradus::runs {

/// One evaluation of a run.
struct EvalPoint {
  int64_t step = 0;
  double accuracy = 0.0;
  std::optional<double> low;
  std::optional<double> high;
};

/// A run's records as they lie in its folder, for people who look at it from outside; the run may
/// be going on meanwhile.
struct RunView {
  std::filesystem::path path;
  std::string state;  ///< running, finished, stopped, failed; killed: says running, but nobody does
  std::string reason;  ///< why it stopped or failed
  std::string updated;
  int64_t step = 0;
  int64_t steps = 0;
  std::vector<rl::MetricsRecord> metrics;
  std::vector<EvalPoint> evals;
  std::vector<rl::KeptWarning> warnings;
  int64_t metrics_bytes = 0;  ///< of metrics.jsonl, in whole lines
  std::string last_line;      ///< of them, by which read_run_again knows the file again

  std::optional<EvalPoint> first_eval() const;
  std::optional<EvalPoint> last_eval() const;
  std::optional<EvalPoint> best_eval() const;
  /// The last step's value of a figure.
  std::optional<double> last(const std::string& name) const;
};

bool is_run(const std::filesystem::path& path);

/// @throws FileError  no run there, or its records are damaged; the file is named.
RunView read_run(const std::filesystem::path& path);

/// The same, where an earlier view of the run is at hand: of metrics.jsonl only what was appended
/// is read. Where the file was cut or is another, or `before` is of another path, all of it is.
RunView read_run_again(const std::filesystem::path& path, RunView before);

/// The same of one run among several: where its records cannot be read, `state` is "unreadable" and
/// `reason` says why.
RunView read_run_or_reason(const std::filesystem::path& path);

/// The runs among `paths`, and those one level below where a path is no run itself; a name below
/// ./runs stands for that run.
/// @throws FileError  a path that does not exist, or holds no run at all.
std::vector<std::filesystem::path> find_runs(const std::vector<std::filesystem::path>& paths);

}  // namespace gradus::runs
