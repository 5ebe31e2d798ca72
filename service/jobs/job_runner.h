#pragma once

#include <atomic>
#include <filesystem>
#include <optional>
#include <string>

#include "service/jobs/child.h"
#include "service/jobs/job_recipe.h"
#include "service/jobs/job_store.h"
#include "service/jobs/run_tail.h"
#include "service/store/files.h"

namespace gradus::service {

/// Sees one job through: starts the training process, reports what it does, starts it again where
/// it was killed, and says how it ended. One thread; `ask` from any.
///
///   DIR/jobs/ID/recipe.toml   what `gradus train` is given
///   DIR/jobs/ID/run/          the run
///   DIR/jobs/ID/train.log     what the process said
class JobRunner {
 public:
  enum class Wish { none, pause, cancel, shut_down };

  struct Setup {
    std::filesystem::path folder;  ///< DIR/jobs/ID
    std::string organization;
    bool recipe_may_change = false;  ///< the address of the models that judge is another now
  };

  JobRunner(JobStore& jobs, FileStore& files, const JobsConfig& config, Job job, Setup setup);

  /// Returns when the job has ended, is paused, or the server stops.
  void run();
  void ask(Wish wish) { wish_ = wish; }
  const std::string& job_id() const { return job_.id; }

 private:
  ChildEnd run_once();
  std::vector<std::string> arguments() const;
  void report();
  void add_checkpoints();
  bool is_locked_by_another() const;
  bool goes_on_after(const ChildEnd& end);
  void succeed();
  void fail(const ChildEnd& end);
  std::string public_text(std::string text) const;
  std::string last_words() const;

  JobStore& jobs_;
  FileStore& files_;
  const JobsConfig& config_;
  Job job_;
  Setup setup_;
  std::filesystem::path run_;
  RunTail tail_;
  std::atomic<Wish> wish_{Wish::none};
  int64_t attempts_ = 0;
  int64_t first_step_ = -1;
  double began_s_ = 0.0;
  int64_t newest_checkpoint_ = 0;
};

/// "ft:nano:gradus:suffix:AbCdEf12" of a job.
std::string fine_tuned_name(const Job& job, const std::string& organization);

}  // namespace gradus::service
