#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "service/jobs/job_store.h"
#include "service/store/keys.h"
#include "service/web/run_views.h"

namespace gradus::service {

/// A run that the page may show.
struct ShelvedRun {
  std::string id;    ///< of the job, or "run-" and a digest of the path
  std::string name;  ///< for people
  std::filesystem::path path;
  std::optional<Job> job;  ///< nothing: a run of `gradus train`
};

/// Runs of this server's jobs, and those below the folders of --watch. A project sees the runs of
/// its jobs; watched ones belong to no project and are shown to keys of scope admin alone.
class RunShelf {
 public:
  /// @param watched  absolute paths: runs, chains, or folders of these.
  RunShelf(JobStore& jobs, std::filesystem::path data_dir,
           std::vector<std::filesystem::path> watched)
      : jobs_(jobs), data_dir_(std::move(data_dir)), watched_(std::move(watched)) {}

  /// The project's newest jobs, then watched runs. A job that waits has no folder yet.
  std::vector<ShelvedRun> list(const Key& key) const;
  std::optional<ShelvedRun> find(const std::string& id, const Key& key) const;

  RunViews& views() { return views_; }

 private:
  std::vector<ShelvedRun> watched_runs() const;
  ShelvedRun of_job(Job job) const;

  JobStore& jobs_;
  std::filesystem::path data_dir_;
  std::vector<std::filesystem::path> watched_;
  RunViews views_;
};

}  // namespace gradus::service
