#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace gradus::rewards::graders {

/// What came of asking somebody outside: code in its sandbox, a model, an endpoint.
enum class AskOutcome {
  answered,
  timed_out,
  refused,      // a model would not answer
  broken,       // what was asked broke: the user's code raised, the reply is not of the right form
  unavailable,  // it could not be asked: not allowed, not reachable, an error of the server
};

struct PythonReply {
  AskOutcome outcome = AskOutcome::unavailable;
  double value = 0;     // what grade() gave, finite; counts when answered
  std::string details;  // the error, with the end of the traceback
};

struct TokenUsage {
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t cached_tokens = 0;
};

struct ModelRequest {
  std::string model;
  nlohmann::json messages;                             // [{role, content: text}]
  nlohmann::json sampling = nlohmann::json::object();  // temperature, top_p, seed, ...
  nlohmann::json response_format;                      // or null
};

struct ModelReply {
  AskOutcome outcome = AskOutcome::unavailable;
  std::string text;     // counts when answered
  std::string details;  // the error, or the refusal
  std::string model;    // as the server names it
  TokenUsage usage;
};

struct EndpointRequest {
  std::string url;
  std::vector<std::pair<std::string, std::string>> headers;
  nlohmann::json body;
  double timeout_s = 0;  // 0: the services' own
};

struct EndpointReply {
  AskOutcome outcome = AskOutcome::unavailable;
  nlohmann::json body;  // counts when answered
  std::string details;
};

/// Whom graders ask. Calls may come from several threads at once; none throws for what the other
/// side did.
class GraderServices {
 public:
  virtual ~GraderServices() = default;

  /// Runs `source`, which defines grade(sample, item), in a sandbox of its own.
  virtual PythonReply run_python(const std::string& source, const nlohmann::json& sample,
                                 const nlohmann::json& item) = 0;

  virtual ModelReply ask_model(const ModelRequest& request) = 0;

  virtual EndpointReply call_endpoint(const EndpointRequest& request) = 0;
};

}  // namespace gradus::rewards::graders
