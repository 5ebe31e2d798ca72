#pragma once

#include <memory>
#include <optional>
#include <string>

#include "rewards/graders/grader_services.h"
#include "rewards/graders/python_runner.h"
#include "rewards/outbound/http_client.h"

namespace gradus::rewards::graders {

/// The server whose models judge, with OpenAI's API.
struct ModelServerConfig {
  std::string url;
  std::string api_key_file;
  bool structured_outputs = true;
};

template <class Field>
void describe(ModelServerConfig& c, Field&& field) {
  field("url", c.url, any(),
        "API of models that judge, as \"http://127.0.0.1:8000/v1\"; its server must be in `allow`");
  field("api_key_file", c.api_key_file, any(), "file with the key for that API; empty: none");
  field("structured_outputs", c.structured_outputs, any(),
        "ask for JSON by a schema; off for servers that do not know response_format");
}

/// Services over HTTP and a sandbox: models by chat completions, endpoints by POST, Python by a
/// runner. The API key goes to the model server only, and into no error.
class HttpServices final : public GraderServices {
 public:
  /// @param python       may be null: Python graders are then unavailable.
  /// @param secret_file  signs requests to endpoints; empty: unsigned.
  /// @throws gradus::ConfigError  the URL; FileError  the files of key and secret.
  HttpServices(const ModelServerConfig& models, std::shared_ptr<outbound::HttpClient> client,
               std::unique_ptr<PythonRunner> python, const std::string& secret_file,
               const std::string& where);

  /// See RewardRule::stop_with.
  void stop_with(const std::stop_token& stop);

  /// Null: Python graders are unavailable.
  PythonRunner* python() { return python_.get(); }

  /// Why no model can be asked; empty: one can.
  std::string refusal_of_models() const;
  /// Why the endpoint may not be asked; empty: it may.
  std::string refusal_of_endpoint(const std::string& url) const;

  PythonReply run_python(const std::string& source, const nlohmann::json& sample,
                         const nlohmann::json& item) override;
  ModelReply ask_model(const ModelRequest& request) override;
  EndpointReply call_endpoint(const EndpointRequest& request) override;

 private:
  outbound::HttpRequest chat_request(const ModelRequest& request) const;

  std::shared_ptr<outbound::HttpClient> client_;
  std::unique_ptr<PythonRunner> python_;
  std::optional<outbound::Url> model_url_;
  std::string api_key_;
  std::string signing_key_;
  bool structured_outputs_ = true;
};

}  // namespace gradus::rewards::graders
