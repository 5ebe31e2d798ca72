#include "service/web/run_shelf.h"

#include <algorithm>

#include "base/error.h"
#include "base/sha256.h"
#include "runs/chain_view.h"
#include "runs/run_view.h"

namespace gradus::service {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMostJobs = 100;
constexpr size_t kMostWatched = 500;

ShelvedRun watched_run(const fs::path& path, const std::string& name) {
  return {"run-" + sha256(path.string()).substr(0, 24), name, path, std::nullopt};
}

std::vector<fs::path> folders_of(const fs::path& path) {
  std::vector<fs::path> folders;
  std::error_code unreadable;
  for (const auto& entry : fs::directory_iterator(path, unreadable))
    if (std::error_code none; entry.is_directory(none)) folders.push_back(entry.path());
  std::ranges::sort(folders);
  return folders;
}

/// The run itself, or the stages of a chain.
void add_run(const fs::path& path, std::vector<ShelvedRun>& runs) {
  const std::string name = path.filename().string();
  if (runs::is_run(path)) {
    runs.push_back(watched_run(path, name));
  } else if (runs::is_chain(path)) {
    for (const auto& stage : folders_of(path / "stages"))
      if (runs::is_run(stage))
        runs.push_back(watched_run(stage, name + "/" + stage.filename().string()));
  }
}

}  // namespace

ShelvedRun RunShelf::of_job(Job job) const {
  const fs::path path = data_dir_ / "jobs" / job.id / "run";
  std::string name = job.suffix.empty() ? job.id : job.suffix;
  std::string id = job.id;
  return {std::move(id), std::move(name), path, std::move(job)};
}

std::vector<ShelvedRun> RunShelf::watched_runs() const {
  std::vector<ShelvedRun> runs;
  for (const auto& folder : watched_) {
    const size_t before = runs.size();
    try {
      add_run(folder, runs);
      if (runs.size() == before)
        for (const auto& inner : folders_of(folder)) add_run(inner, runs);
    } catch (const fs::filesystem_error&) {
      // A folder that may not be looked into shows nothing.
    }
  }
  if (runs.size() > kMostWatched) runs.resize(kMostWatched);
  return runs;
}

std::vector<ShelvedRun> RunShelf::list(const Key& key) const {
  std::vector<ShelvedRun> runs;
  for (auto& job : jobs_.list(key.project, "", kMostJobs, {}, false).items)
    runs.push_back(of_job(std::move(job)));
  if (!key.may(Scope::admin)) return runs;
  for (auto& run : watched_runs()) runs.push_back(std::move(run));
  return runs;
}

std::optional<ShelvedRun> RunShelf::find(const std::string& id, const Key& key) const {
  if (auto job = jobs_.find(id, key.project)) return of_job(std::move(*job));
  if (!key.may(Scope::admin) || !id.starts_with("run-")) return std::nullopt;
  for (auto& run : watched_runs())
    if (run.id == id) return std::move(run);
  return std::nullopt;
}

}  // namespace gradus::service
