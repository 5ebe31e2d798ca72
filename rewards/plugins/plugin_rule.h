#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "rewards/plugins/worker.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

/// What the code of one call is given.
enum class PluginUnit {
  group,   // all completions of a prompt, one reply: a fault is the whole group's
  sample,  // one completion after another: a fault is that completion's alone
  line,    // as sample, each with a request of its own (commands)
};

struct PluginProgram {
  WorkerProgram worker;
  PluginUnit unit = PluginUnit::sample;
  bool with_token_ids = false;
  /// Reads the answer to `load`: may settle `unit` by what the code turned out to be.
  std::function<void(PluginProgram&, const nlohmann::json& loaded)> on_loaded;
  /// The request of a group; empty: {"contexts": [...], "samples": [...]}.
  std::function<nlohmann::json(std::span<const RewardInput>)> group_request;
  std::string version;  // of the code; "sha256:..."
  std::string where;    // names the code in errors: "rewards.py:function"
};

/// A rule made of others' code, in a pool of isolated processes.
///
/// A score in a reply is a number, null (skipped), {"error": text} (failed), or {"score": number
/// or null, "reason": text, "details": any, kept up to the bounds of reply.h}. Every grade's
/// details hold the code's `version`, a failed one's also the `fault`: "code" (what the code said
/// or returned) or "process".
///
/// Faults. A process that crashes, hangs, or answers what is no answer is killed with all it
/// started and replaced. If it had served before, its call is tried once more in a fresh process,
/// so that no completion pays for an earlier one; what fails there is a failed grade with its
/// reason. What timed out is not tried again. Grades given before the fault stand.
///
/// `grade` may be called from several threads; each takes a process of the pool, or waits for one.
class PluginRule final : public RewardRule {
 public:
  /// Starts one process and loads the code, so that a fault is found now, not after the first
  /// rollouts.
  /// @throws FileError  the code does not load; PeerError  the machine cannot isolate it.
  PluginRule(std::string name, std::shared_ptr<const sandbox::Sandbox> sandbox,
             PluginProgram program, int num_workers);

  std::string name() const override { return name_; }
  std::vector<Grade> grade(std::span<const RewardInput> group) override;
  std::vector<std::string> notices() const override;
  void stop_with(const std::stop_token& stop) override;

  const std::string& version() const { return program_.version; }

 private:
  class Loan;

  std::vector<Grade> grade_with(PluginWorker& worker, std::span<const RewardInput> group);
  WorkerAnswer ask(PluginWorker& worker, std::span<const RewardInput> group) const;
  std::string changed_files(const PluginWorker& worker) const;
  Grade grade_of(const nlohmann::json& score) const;
  Grade failed_grade(const WorkerFault& fault) const;
  std::unique_ptr<PluginWorker> borrow();
  void give_back(std::unique_ptr<PluginWorker> worker);

  std::string name_;
  std::shared_ptr<const sandbox::Sandbox> sandbox_;
  PluginProgram program_;
  nlohmann::json files_;  // what the code imported beside its main file, with hashes
  std::mutex mutex_;
  std::condition_variable has_idle_;
  std::vector<std::unique_ptr<PluginWorker>> idle_;
};

}  // namespace gradus::rewards
