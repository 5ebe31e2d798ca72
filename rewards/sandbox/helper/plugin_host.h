#pragma once

#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace gradus::rewards::sandbox {

/// One completion as a plug-in sees it.
struct HostSample {
  const nlohmann::json* context = nullptr;  // prompt, messages, row
  const nlohmann::json* sample = nullptr;   // completion, truncated, completion_ids
};

/// A language whose code grades inside the sandbox. What it throws is told as the call's error.
class PluginHost {
 public:
  virtual ~PluginHost() = default;
  virtual void load(const nlohmann::json& request) = 0;
  /// One score each: a number, null, or {"error": text} or {"score": ..., "reason": text}.
  virtual std::vector<nlohmann::json> grade(const std::vector<HostSample>& samples) = 0;
};

/// Serves the worker's protocol (rewards/plugins/worker.h) on kRequests and kReplies until the
/// requests end. `batch` of the load request: all samples of a request in one call.
/// @return the exit status.
int serve_plugin(PluginHost& host);

/// A finite number as it is, any other as its error.
nlohmann::json finite_score(double value);

int serve_lua();
int serve_library();

}  // namespace gradus::rewards::sandbox
