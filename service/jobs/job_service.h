#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "service/jobs/job_runner.h"
#include "service/models/model_host.h"
#include "service/store/keys.h"

namespace gradus::service {

/// The jobs of a server: checks their files, queues them, runs as many at once as it may, and goes
/// on with those that a stop or a kill of the server cut off. Any thread.
class JobService {
 public:
  struct Places {
    std::filesystem::path data_dir;
    std::string organization;
    std::function<std::string()> judge_server;  ///< "http://127.0.0.1:8080", for graders
  };

  JobService(JobStore& jobs, FileStore& files, KeyStore& keys, ModelHost& models,
             const JobsConfig& config, Places places);
  ~JobService();

  void start();
  /// Asks running jobs to save themselves and waits; they stay in state running.
  void stop();

  /// A job was made: it is looked at soon.
  void wake();
  /// @return  the job as it is afterwards. @throws HttpError 400: its state does not allow it.
  Job cancel(const Job& job);
  Job pause(const Job& job);
  Job resume(const Job& job);

  int num_running() const;

  /// What its recipe would be, to refuse at once what cannot work. @throws HttpError
  void check(const Job& job) const;

 private:
  struct Running {
    std::unique_ptr<JobRunner> runner;
    std::thread thread;
    bool is_over = false;
  };

  void schedule();
  void validate(const Job& job);
  bool prepare(const Job& job);
  bool renew_judge(const Job& job) const;
  void begin(Job job);
  void reap();
  /// @param reads_rows  false: the rows, which may be many, are taken to be a thousand.
  RecipeInputs inputs_of(const Job& job, bool reads_rows) const;
  bool asks_models(const nlohmann::json& grader) const;
  std::filesystem::path folder_of(const std::string& id) const;
  void ask(const std::string& id, JobRunner::Wish wish);

  JobStore& jobs_;
  FileStore& files_;
  KeyStore& keys_;
  ModelHost& models_;
  JobsConfig config_;
  Places places_;
  mutable std::mutex mutex_;
  std::condition_variable news_;
  std::map<std::string, Running> running_;
  bool has_news_ = true;
  bool is_stopping_ = false;
  std::thread scheduler_;
};

}  // namespace gradus::service
