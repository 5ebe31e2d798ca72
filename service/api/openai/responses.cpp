// POST /v1/responses: a chat in OpenAI's newer form. Nothing is stored; a conversation is sent
// whole.
#include "base/error.h"
#include "base/json.h"
#include "service/api/call.h"
#include "service/api/openai/chat_run.h"
#include "service/api/parts.h"
#include "service/models/model_host.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

nlohmann::json messages_of_input(const nlohmann::json& input) {
  if (input.is_string()) return {{{"role", "user"}, {"content", input}}};
  if (!input.is_array()) refuse_field_type("input", "a string or an array", input);
  auto messages = nlohmann::json::array();
  for (const auto& item : input) {
    if (!item.is_object()) refuse_field_type("input", "an array of objects", item);
    const std::string type = item.value("type", "message");
    if (type != "message") {
      throw HttpError(400, "Invalid 'input': items of type '" + type + "' are not supported.",
                      "unsupported_parameter", "input");
    }
    messages.push_back(
        {{"role", item.value("role", "user")},
         {"content", item.contains("content") ? item["content"] : nlohmann::json()}});
  }
  return messages;
}

struct ResponsesWish {
  ChatWish chat;
  nlohmann::json echoed;  ///< fields that the answer repeats
};

ResponsesWish read_response_body(Call& call, const nlohmann::json& body) {
  Fields fields(body, "");
  ResponsesWish wish;
  ChatWish& chat = wish.chat;
  chat.model_name = fields.text("model");
  chat.model = call.parts.models.use(chat.model_name, call.project());
  chat.messages = read_messages(messages_of_input(fields.need("input")), "input");
  const auto instructions = fields.optional_text("instructions");
  if (instructions)
    chat.messages.insert(chat.messages.begin(), {{"role", "system"}, {"content", *instructions}});
  const auto longest = chat.model->context_length();
  chat.sampling.sampling.max_tokens = static_cast<int>(
      std::min(fields.integer("max_output_tokens", 1, 1 << 30).value_or(longest), longest));
  read_sampling(fields, chat.sampling);
  for (const char* key : {"previous_response_id", "conversation", "prompt", "background"}) {
    const auto* value = fields.find(key);
    if (value != nullptr && *value != false) {
      throw HttpError(400, std::string("Invalid '") + key + "': is not supported.",
                      "unsupported_parameter", key);
    }
  }
  if (const auto* tools = fields.find("tools"); tools != nullptr && !tools->empty()) {
    throw HttpError(400, "Invalid 'tools': use chat completions for tools.",
                    "unsupported_parameter", "tools");
  }
  if (const auto* text = fields.find("text"); text != nullptr) {
    Fields inner(*text, "text");
    if (const auto* format = inner.find("format");
        format != nullptr && format->value("type", "") != "text")
      throw HttpError(400, "Invalid 'text.format': only 'text' is supported.",
                      "unsupported_parameter", "text.format");
  }
  fields.pass_over({"reasoning", "include", "truncation", "tool_choice", "parallel_tool_calls",
                    "max_tool_calls", "top_logprobs"});
  fields.finish();
  wish.echoed = {{"instructions", instructions ? nlohmann::json(*instructions) : nlohmann::json()},
                 {"temperature", chat.sampling.sampling.temperature},
                 {"top_p", chat.sampling.sampling.top_p},
                 {"max_output_tokens", chat.sampling.sampling.max_tokens}};
  return wish;
}

/// One answer, whole or as events; calls come from the model's thread.
class ResponseRun : public std::enable_shared_from_this<ResponseRun> {
 public:
  ResponseRun(std::shared_ptr<Call> call, ResponsesWish wish)
      : call_(std::move(call)), wish_(std::move(wish)), created_(call_->parts.store.now()) {}

  void start() {
    const auto self = shared_from_this();
    ChatListener listener;
    if (wish_.chat.sampling.streams) {
      listener.on_delta = [self](const ChatDelta& delta) { self->take(delta); };
    }
    listener.on_done = [self](const ChatOutcome& outcome) { self->finish(outcome); };
    run_chat(call_, wish_.chat, std::move(listener));
  }

 private:
  nlohmann::json part_json() const {
    return {{"type", "output_text"},
            {"text", text_},
            {"annotations", nlohmann::json::array()},
            {"logprobs", nlohmann::json::array()}};
  }

  nlohmann::json item_json(const char* status, bool has_content) const {
    auto content = nlohmann::json::array();
    if (has_content) content.push_back(part_json());
    return {{"id", item_id_},
            {"type", "message"},
            {"status", status},
            {"role", "assistant"},
            {"content", std::move(content)}};
  }

  nlohmann::json body_json(const std::string& status, const ChatOutcome* outcome) const {
    nlohmann::json json{{"id", id_},
                        {"object", "response"},
                        {"created_at", created_},
                        {"status", status},
                        {"model", wish_.chat.model_name},
                        {"output", nlohmann::json::array()},
                        {"error", nullptr},
                        {"incomplete_details", nullptr},
                        {"metadata", nlohmann::json::object()},
                        {"parallel_tool_calls", true},
                        {"tool_choice", "auto"},
                        {"tools", nlohmann::json::array()},
                        {"usage", nullptr}};
    json.update(wish_.echoed);
    if (outcome == nullptr) return json;
    if (!reasoning_.empty()) {
      json["output"].push_back({{"id", "rs_" + id_.substr(5)},
                                {"type", "reasoning"},
                                {"summary", nlohmann::json::array()},
                                {"content", {{{"type", "reasoning_text"}, {"text", reasoning_}}}}});
    }
    json["output"].push_back(item_json(status == "completed" ? "completed" : "incomplete", true));
    if (status == "incomplete") json["incomplete_details"] = {{"reason", "max_output_tokens"}};
    json["usage"] = {{"input_tokens", outcome->prompt_tokens},
                     {"input_tokens_details", {{"cached_tokens", 0}}},
                     {"output_tokens", outcome->completion_tokens},
                     {"output_tokens_details", {{"reasoning_tokens", outcome->reasoning_tokens}}},
                     {"total_tokens", outcome->prompt_tokens + outcome->completion_tokens}};
    return json;
  }

  void send(const char* type, nlohmann::json fields) {
    fields["type"] = type;
    fields["sequence_number"] = sequence_++;
    stream_->write(std::string("event: ") + type + "\n" + sse_text(fields));
  }

  void open() {
    if (stream_) return;
    stream_ = call_->exchange->open_stream(sse_head());
    send("response.created", {{"response", body_json("in_progress", nullptr)}});
    send("response.in_progress", {{"response", body_json("in_progress", nullptr)}});
    send("response.output_item.added",
         {{"output_index", 0}, {"item", item_json("in_progress", false)}});
    send("response.content_part.added",
         {{"item_id", item_id_}, {"output_index", 0}, {"content_index", 0}, {"part", part_json()}});
  }

  void take(const ChatDelta& delta) {
    open();
    if (delta.content.empty()) return;
    send("response.output_text.delta", {{"item_id", item_id_},
                                        {"output_index", 0},
                                        {"content_index", 0},
                                        {"delta", delta.content},
                                        {"logprobs", nlohmann::json::array()}});
  }

  void finish(const ChatOutcome& outcome) {
    if (wish_.chat.sampling.streams) open();
    if (!outcome.error.empty()) {
      const HttpError error(500, "The model failed: " + outcome.error);
      if (!stream_) return call_->answer(error_response(error));
      auto body = body_json("failed", nullptr);
      body["error"] = {{"code", "server_error"}, {"message", error.what()}};
      send("response.failed", {{"response", body}});
      return stream_->end();
    }
    const ChatChoice& choice = outcome.choices.front();
    text_ = choice.content;
    reasoning_ = choice.reasoning;
    const std::string status =
        choice.finish == "length" || choice.finish == "abort" ? "incomplete" : "completed";
    const auto body = body_json(status, &outcome);
    if (!stream_) return call_->answer_json(body);
    const nlohmann::json place{{"item_id", item_id_}, {"output_index", 0}, {"content_index", 0}};
    auto done = place;
    done["text"] = text_;
    done["logprobs"] = nlohmann::json::array();
    send("response.output_text.done", done);
    auto part = place;
    part["part"] = part_json();
    send("response.content_part.done", part);
    send("response.output_item.done",
         {{"output_index", 0}, {"item", item_json(status.c_str(), true)}});
    send(status == "completed" ? "response.completed" : "response.incomplete",
         {{"response", body}});
    stream_->end();
  }

  std::shared_ptr<Call> call_;
  ResponsesWish wish_;
  int64_t created_;
  std::string id_ = random_id("resp_", 32);
  std::string item_id_ = random_id("msg_", 32);
  std::string text_;
  std::string reasoning_;
  std::shared_ptr<ResponseStream> stream_;
  int64_t sequence_ = 0;
};

void create_response(const std::shared_ptr<Call>& call) {
  std::make_shared<ResponseRun>(call, read_response_body(*call, call->body()))->start();
}

constexpr Route kResponseRoutes[] = {
    {"POST", "/v1/responses", Scope::infer, "answer in the form of responses", create_response,
     BodyKind::json},
};

}  // namespace

extern const Resource kResponsesResource{"responses", kResponseRoutes};

}  // namespace gradus::service
