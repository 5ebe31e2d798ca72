#include "runs/run_view.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/files/file_descriptor.h"
#include "base/json.h"
#include "runs/run_folder.h"

namespace gradus::runs {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxStatusBytes = 1 << 20;
constexpr int64_t kMaxMetricsBytes = int64_t{4} << 30;

std::optional<double> finite(const rl::MetricsRecord& record, const char* name) {
  const auto found = record.values.find(name);
  if (found == record.values.end() || !std::isfinite(found->second)) return std::nullopt;
  return found->second;
}

std::vector<EvalPoint> evals_of(const std::vector<rl::MetricsRecord>& metrics) {
  std::vector<EvalPoint> evals;
  for (const auto& record : metrics) {
    const auto accuracy = finite(record, "eval/accuracy");
    if (!accuracy) continue;
    evals.push_back({record.step, *accuracy, finite(record, "eval/accuracy/low"),
                     finite(record, "eval/accuracy/high")});
  }
  return evals;
}

void read_status(RunView& run) {
  const fs::path path = run.path / "status.json";
  run.state = "unknown";
  if (!fs::exists(path)) return;
  const auto status = read_json(path, kMaxStatusBytes);
  try {
    run.state = status.value("state", "unknown");
    run.reason = status.value("reason", "");
    run.updated = status.value("updated", "");
    run.step = status.value("step", int64_t{0});
    run.steps = status.value("steps", int64_t{0});
  } catch (const nlohmann::json::exception&) {
    throw FileError(path.string(), "invalid_status",
                    "is not an object with state, reason, step, steps and updated");
  }
  if (run.state == "running" && !is_held(run.path)) {
    run.state = "killed";
    if (run.reason.empty()) run.reason = "its process is gone; go on with --resume";
  }
}

/// The file from `begin` on. @throws FileError
std::string read_from(const fs::path& path, int64_t begin) {
  const FileDescriptor file = open_file(path, O_RDONLY);
  std::string text;
  constexpr size_t kPiece = size_t{1} << 16;
  for (;;) {
    const size_t used = text.size();
    text.resize(used + kPiece);
    const ssize_t count = uninterrupted([&] {
      return ::pread(file.get(), text.data() + used, kPiece, begin + static_cast<off_t>(used));
    });
    if (count < 0) throw_file_error(path, "read_failed", "cannot be read", errno);
    text.resize(used + static_cast<size_t>(count));
    if (count == 0) return text;
  }
}

/// Reads what was appended to metrics.jsonl; a torn last line is left out.
void follow_metrics(RunView& run) {
  const fs::path path = run.path / "metrics.jsonl";
  const auto known = static_cast<int64_t>(run.last_line.size());
  std::string text;
  if (known > 0) text = read_from(path, run.metrics_bytes - known);
  size_t begin = run.last_line.size();
  if (known == 0 || !text.starts_with(run.last_line)) {
    text = read_file(path, kMaxMetricsBytes);
    run.metrics.clear();
    run.metrics_bytes = 0;
    begin = 0;
  }
  for (size_t end; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
    const auto where = fmt::format("{}:{}", path.string(), run.metrics.size() + 1);
    run.last_line = text.substr(begin, end + 1 - begin);
    run.metrics.push_back(rl::parse_metrics_line(text.substr(begin, end - begin), where));
    run.metrics_bytes += static_cast<int64_t>(run.last_line.size());
  }
}

}  // namespace

std::optional<EvalPoint> RunView::first_eval() const {
  return evals.empty() ? std::nullopt : std::optional(evals.front());
}
std::optional<EvalPoint> RunView::last_eval() const {
  return evals.empty() ? std::nullopt : std::optional(evals.back());
}
std::optional<EvalPoint> RunView::best_eval() const {
  const auto best = std::max_element(
      evals.begin(), evals.end(),
      [](const EvalPoint& a, const EvalPoint& b) { return a.accuracy < b.accuracy; });
  return best == evals.end() ? std::nullopt : std::optional(*best);
}

std::optional<double> RunView::last(const std::string& name) const {
  for (auto record = metrics.rbegin(); record != metrics.rend(); ++record) {
    if (const auto value = finite(*record, name.c_str())) return value;
  }
  return std::nullopt;
}

// A folder may hold a recipe of that name without being a run.
bool is_run(const fs::path& path) {
  return fs::exists(path / "recipe.toml") &&
         (fs::exists(path / "status.json") || fs::is_directory(path / "checkpoints"));
}

RunView read_run(const fs::path& path) {
  return read_run_again(path, {});
}

RunView read_run_again(const fs::path& path, RunView before) {
  if (!is_run(path)) {
    throw FileError(path.string(), "missing",
                    "is no run's folder: recipe.toml and status.json are not there");
  }
  RunView run;
  run.path = path;
  read_status(run);
  if (before.path == path) {
    run.metrics = std::move(before.metrics);
    run.metrics_bytes = before.metrics_bytes;
    run.last_line = std::move(before.last_line);
  }
  if (fs::exists(path / "metrics.jsonl")) {
    follow_metrics(run);
  } else {
    run.metrics.clear();
    run.metrics_bytes = 0;
    run.last_line.clear();
  }
  run.evals = evals_of(run.metrics);
  run.warnings = rl::read_warnings(path / "warnings.jsonl");
  if (!run.metrics.empty()) run.step = std::max(run.step, run.metrics.back().step);
  return run;
}

RunView read_run_or_reason(const fs::path& path) {
  try {
    return read_run(path);
  } catch (const std::exception& error) {
    RunView run;
    run.path = path;
    run.state = "unreadable";
    run.reason = error.what();
    return run;
  }
}

namespace {

// A folder that may not be looked into is listed, and reading it says why.
bool looks_like_run(const fs::path& path) {
  try {
    return is_run(path);
  } catch (const fs::filesystem_error&) {
    return true;
  }
}

}  // namespace

std::vector<fs::path> find_runs(const std::vector<fs::path>& paths) {
  std::vector<fs::path> runs;
  for (const auto& path : paths) {
    if (!fs::is_directory(path)) {
      runs.push_back(locate_run(path.string()));
      continue;
    }
    const size_t before = runs.size();
    if (is_run(path)) {
      runs.push_back(path);
    } else {
      for (const auto& entry : fs::directory_iterator(path)) {
        if (looks_like_run(entry.path())) runs.push_back(entry.path());
      }
      std::sort(runs.begin() + static_cast<std::ptrdiff_t>(before), runs.end());
    }
    if (runs.size() == before) throw FileError(path.string(), "missing", "holds no run");
  }
  return runs;
}

}  // namespace gradus::runs
