#include "rewards/graders/http_services.h"

#include <ctime>

#include "base/error.h"
#include "base/json.h"
#include "base/printable.h"
#include "base/sha256.h"
#include "rewards/outbound/signature.h"
#include "rewards/reply.h"

namespace gradus::rewards::graders {
namespace {

using nlohmann::json;
using outbound::HttpReply;

AskOutcome outcome_of(const HttpReply& reply) {
  if (reply.outcome == HttpReply::Outcome::timed_out) return AskOutcome::timed_out;
  return reply.outcome == HttpReply::Outcome::replied && reply.status / 100 == 2
             ? AskOutcome::answered
             : AskOutcome::unavailable;
}

// What a server says of an error, in OpenAI's form or as it is.
std::string error_text(const std::string& body) {
  const json reply = json_in(body).value_or(json());
  if (reply.is_object() && reply.contains("error")) {
    const json& error = reply.at("error");
    if (error.is_object() && error.contains("message") && error.at("message").is_string()) {
      return printable(error.at("message").get<std::string>(), 300);
    }
  }
  return printable(body, 300);
}

std::string details_of(const HttpReply& reply, const outbound::Url& url) {
  if (reply.outcome != HttpReply::Outcome::replied) return reply.details;
  return url.authority() + ": status " + std::to_string(reply.status) + ": " +
         error_text(reply.body);
}

int64_t count_in(const json& object, const char* key) {
  return object.is_object() && object.contains(key) && object.at(key).is_number_integer()
             ? object.at(key).get<int64_t>()
             : 0;
}

TokenUsage usage_in(const json& reply) {
  if (!reply.contains("usage")) return {};
  const json& usage = reply.at("usage");
  TokenUsage result{count_in(usage, "prompt_tokens"), count_in(usage, "completion_tokens"), 0};
  if (usage.is_object() && usage.contains("prompt_tokens_details")) {
    result.cached_tokens = count_in(usage.at("prompt_tokens_details"), "cached_tokens");
  }
  return result;
}

const json* message_in(const json& reply) {
  if (!reply.is_object() || !reply.contains("choices")) return nullptr;
  const json& choices = reply.at("choices");
  if (!choices.is_array() || choices.empty() || !choices[0].is_object()) return nullptr;
  return choices[0].contains("message") && choices[0].at("message").is_object()
             ? &choices[0].at("message")
             : nullptr;
}

std::optional<std::string> text_in(const json& object, const char* key) {
  if (!object.contains(key) || !object.at(key).is_string()) return std::nullopt;
  return object.at(key).get<std::string>();
}

ModelReply chat_reply(const std::string& body, const outbound::Url& url) {
  ModelReply reply;
  reply.outcome = AskOutcome::broken;
  json parsed;
  try {
    parsed = parse_json(body, url.authority());
  } catch (const FileError& error) {
    reply.details = error.what();
    return reply;
  }
  const json* message = message_in(parsed);
  if (message == nullptr) {
    reply.details = url.authority() + ": the reply is no chat completion: " + printable(body, 200);
    return reply;
  }
  reply.usage = usage_in(parsed);
  reply.model = text_in(parsed, "model").value_or("");
  if (const auto refusal = text_in(*message, "refusal"); refusal && !refusal->empty()) {
    reply.outcome = AskOutcome::refused;
    reply.details = printable(*refusal, 300);
    return reply;
  }
  const auto content = text_in(*message, "content");
  reply.outcome = content ? AskOutcome::answered : AskOutcome::broken;
  reply.text = content.value_or("");
  if (!content) reply.details = url.authority() + ": the reply has no text";
  return reply;
}

}  // namespace

HttpServices::HttpServices(const ModelServerConfig& models,
                           std::shared_ptr<outbound::HttpClient> client,
                           std::unique_ptr<PythonRunner> python, const std::string& secret_file,
                           const std::string& where)
    : client_(std::move(client)),
      python_(std::move(python)),
      structured_outputs_(models.structured_outputs) {
  if (!models.api_key_file.empty()) api_key_ = outbound::read_key_file(models.api_key_file);
  if (!secret_file.empty()) signing_key_ = outbound::read_signing_key(secret_file);
  if (models.url.empty()) return;
  try {
    std::string url = models.url;
    while (url.ends_with('/')) url.pop_back();
    model_url_ = outbound::Url::parse(url + "/chat/completions");
  } catch (const ArgumentError& error) {
    throw ConfigError(where + ".url: " + error.what());
  }
  if (const auto refusal = client_->policy().refusal_of(*model_url_); !refusal.empty()) {
    throw ConfigError(where + ".url: " + refusal);
  }
}

void HttpServices::stop_with(const std::stop_token& stop) {
  client_->stop_with(stop);
  if (python_ != nullptr) python_->stop_with(stop);
}

std::string HttpServices::refusal_of_models() const {
  return model_url_ ? "" : "no model server is set; give models.url, the API of models that judge";
}

std::string HttpServices::refusal_of_endpoint(const std::string& url) const {
  return client_->policy().refusal_of(outbound::Url::parse(url));
}

PythonReply HttpServices::run_python(const std::string& source, const json& sample,
                                     const json& item) {
  if (python_ == nullptr) return {AskOutcome::unavailable, 0, "Python graders are switched off"};
  return python_->run(source, sample, item);
}

outbound::HttpRequest HttpServices::chat_request(const ModelRequest& request) const {
  json body = request.sampling;
  body["model"] = request.model;
  body["messages"] = request.messages;
  if (structured_outputs_ && !request.response_format.is_null()) {
    body["response_format"] = request.response_format;
  }
  outbound::HttpRequest http;
  http.url = *model_url_;
  if (!api_key_.empty()) http.headers.emplace_back("Authorization", "Bearer " + api_key_);
  http.body = dump_json(body);
  return http;
}

ModelReply HttpServices::ask_model(const ModelRequest& request) {
  ModelReply reply;
  if (!model_url_) {
    reply.details = refusal_of_models();
    return reply;
  }
  const HttpReply http = client_->post(chat_request(request));
  reply.outcome = outcome_of(http);
  if (reply.outcome == AskOutcome::answered) return chat_reply(http.body, *model_url_);
  reply.details = details_of(http, *model_url_);
  return reply;
}

EndpointReply HttpServices::call_endpoint(const EndpointRequest& request) {
  outbound::HttpRequest http;
  http.url = outbound::Url::parse(request.url);
  http.headers = request.headers;
  http.body = dump_json(request.body);
  http.timeout_s = request.timeout_s;
  if (!signing_key_.empty()) {
    const std::string id = "msg_" + sha256(http.body).substr(0, 32);
    for (auto& header :
         outbound::signature_headers(signing_key_, id, std::time(nullptr), http.body)) {
      http.headers.push_back(std::move(header));
    }
  }
  const HttpReply reply = client_->post(http);
  EndpointReply answer{outcome_of(reply), nullptr, ""};
  if (answer.outcome != AskOutcome::answered) {
    answer.details = details_of(reply, http.url);
    return answer;
  }
  try {
    answer.body = parse_json(reply.body, http.url.authority());
  } catch (const FileError& error) {
    return {AskOutcome::broken, nullptr, error.what()};
  }
  return answer;
}

}  // namespace gradus::rewards::graders
