#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "rewards/plugins/plugin_config.h"
#include "rewards/reward_rule.h"

namespace gradus::rewards {

struct PythonGraderConfig {
  std::string interpreter = "python3";
  PluginConfig plugin;  // OpenAI's limits: timeout_s = 120, memory_mb = 2048, no network

  PythonGraderConfig() { plugin.timeout_s = 120.0; }
};

/// Python source with `grade(sample, item) -> float`, as OpenAI's grader of type `python` has it,
/// in isolated processes: the source is loaded once, every call runs in a copy of that process,
/// which ends with all that it started. Any thread may call.
class PythonGrader {
 public:
  /// @throws FileError  the source is larger than 256 kB, does not compile, does not finish
  ///         loading, or has no function grade that takes two arguments; PeerError  the machine has
  ///         no such Python or cannot isolate it.
  PythonGrader(const std::string& source, const PythonGraderConfig& config = {});
  ~PythonGrader();
  PythonGrader(const PythonGrader&) = delete;
  PythonGrader& operator=(const PythonGrader&) = delete;

  /// scored, skipped (None), failed or timed out. On a failure details["fault"] tells what broke:
  /// "code" (an exception, or what is no finite number) or "process" (crash, memory, protocol).
  Grade grade(const nlohmann::json& sample, const nlohmann::json& item);

  /// SHA-256 of the source: "sha256:...".
  const std::string& version() const;

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

}  // namespace gradus::rewards
