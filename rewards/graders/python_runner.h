#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "rewards/graders/grader_services.h"
#include "rewards/plugins/plugin_config.h"
#include "rewards/plugins/python_worker.h"
#include "rewards/sandbox/sandbox.h"

namespace gradus::rewards::graders {

/// How Python graders run; OpenAI's limits are the defaults: 2 GB, 1 GB of disk, two minutes.
struct GraderPythonConfig {
  std::string interpreter = "python3";
  PluginConfig plugin;

  GraderPythonConfig() {
    plugin.timeout_s = 120.0;
    plugin.scratch_mb = 1024;
  }
};

template <class Field>
void describe(GraderPythonConfig& c, Field&& field) {
  field("interpreter", c.interpreter, non_empty(),
        "Python that runs the source: a program or a path");
  describe(c.plugin, field);
}

/// Runs the sources of Python graders, each in isolated processes of its own: a process loads one
/// source and each call runs in a copy of it that ends with the call, so that neither samples nor
/// sources meet.
///
/// The sandbox and the interpreter are looked for at the first run. Any thread.
class PythonRunner {
 public:
  explicit PythonRunner(GraderPythonConfig config) : config_(std::move(config)) {}
  ~PythonRunner();

  /// A process that breaks after it had served another call is replaced and the call tried once
  /// more; what fails in a fresh process is the source's own fault.
  PythonReply run(const std::string& source, const nlohmann::json& sample,
                  const nlohmann::json& item);

  /// Loads the source in a process of its pool: why it cannot be used, or "". For the start of a
  /// run, so that a syntax error is not found after the first rollouts.
  /// @throws PeerError  as prepare.
  std::string check(const std::string& source);

  /// See RewardRule::stop_with.
  void stop_with(const std::stop_token& stop);

  /// What the user is to be told once: nothing, or that the wall is weaker than full isolation.
  /// @throws PeerError  the machine cannot isolate, or has no such Python.
  std::string prepare();

 private:
  struct Pool {
    std::vector<std::unique_ptr<PluginWorker>> idle;
    int num_workers = 0;
  };
  class Loan;

  std::unique_ptr<PluginWorker> borrow(const std::string& source);
  void give_back(const std::string& source, std::unique_ptr<PluginWorker> worker);
  std::unique_ptr<PluginWorker> new_worker(const std::string& source) const;

  GraderPythonConfig config_;
  std::mutex mutex_;
  std::condition_variable has_idle_;
  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  WorkerProgram program_;
  std::map<std::string, Pool> pools_;  // by source
  std::stop_token stop_;
};

}  // namespace gradus::rewards::graders
