#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/process.h"

namespace gradus::rewards {

struct PythonWorkerConfig {
  std::string interpreter = "python3";
  std::string file;  // absolute
  std::string function;
  double timeout_s = 30.0;
  double load_timeout_s = 120.0;
  int memory_mb = 0;  // limit of the address space; 0: none
  std::vector<std::pair<std::string, std::string>> environment;
};

struct WorkerReply {
  enum class Kind { answered, failed, timed_out };
  Kind kind = Kind::failed;
  nlohmann::json grades;  // answered: a list of numbers, null, or {"error": text}
  std::string reason;     // not answered
};

/// One Python process that has loaded the user's function. It is started when needed, and after
/// any broken exchange killed with its whole group and started anew. One thread at a time.
class PythonWorker {
 public:
  explicit PythonWorker(PythonWorkerConfig config) : config_(std::move(config)) {}

  /// Starts the process and loads the function, unless that is done; returns why it failed, or "".
  std::string start();

  /// Calls the function. `request` holds prompts, completions, completion_ids, columns.
  WorkerReply call(nlohmann::json request);

  /// Ends the process; the next call starts a new one.
  void stop();

 private:
  WorkerReply exchange(nlohmann::json request, double timeout_s);
  std::string ending();

  PythonWorkerConfig config_;
  std::unique_ptr<ChildProcess> child_;
};

}  // namespace gradus::rewards
