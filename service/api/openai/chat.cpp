// POST /v1/chat/completions
#include "base/error.h"
#include "service/api/call.h"
#include "service/api/openai/chat_run.h"
#include "service/api/openai/response_format.h"
#include "service/api/parts.h"
#include "service/models/model_host.h"
#include "service/store/store.h"

namespace gradus::service {
namespace {

void read_length(Fields& fields, ChatWish& wish) {
  const auto modern = fields.integer("max_completion_tokens", 1, 1 << 30);
  const auto old = fields.integer("max_tokens", 1, 1 << 30);
  const int64_t longest = wish.model->context_length();
  wish.sampling.sampling.max_tokens =
      static_cast<int>(std::min(modern.value_or(old.value_or(longest)), longest));
}

void read_scores(Fields& fields, SamplingWish& sampling) {
  sampling.has_scores = fields.flag("logprobs", false);
  const auto top = fields.integer("top_logprobs", 0, 20);
  if (top && !sampling.has_scores)
    refuse_field("top_logprobs", "is allowed with logprobs=true alone");
  sampling.num_top = static_cast<int>(top.value_or(0));
}

void read_tools(Fields& fields, ChatWish& wish) {
  const auto* tools = fields.find("tools");
  const auto* choice = fields.find("tool_choice");
  fields.pass_over({"parallel_tool_calls"});
  if (choice != nullptr && (*choice != "auto" && *choice != "none")) {
    throw HttpError(400, "Invalid 'tool_choice': only 'auto' and 'none' are supported.",
                    "unsupported_parameter", "tool_choice");
  }
  if (tools == nullptr || (choice != nullptr && *choice == "none")) return;
  if (!tools->is_array()) refuse_field_type("tools", "an array", *tools);
  if (tools->empty()) return;
  if (!wish.model->has_tool_calls()) {
    throw HttpError(400, "The model's chat template does not know tools.", "unsupported_parameter",
                    "tools");
  }
  for (size_t i = 0; i < tools->size(); ++i) {
    const std::string place = "tools[" + std::to_string(i) + "]";
    Fields tool((*tools)[i], place);
    if (tool.text("type") != "function") refuse_field(place + ".type", "must be 'function'");
    Fields(tool.need("function"), place + ".function").text("name", 64);
  }
  wish.tools = nlohmann::ordered_json::parse(tools->dump());
}

ChatWish read_chat(Call& call, const nlohmann::json& body) {
  Fields fields(body, "");
  ChatWish wish;
  wish.model_name = fields.text("model");
  wish.model = call.parts.models.use(wish.model_name, call.project());
  wish.messages = read_messages(fields.need("messages"), "messages");
  read_length(fields, wish);
  read_sampling(fields, wish.sampling);
  read_scores(fields, wish.sampling);
  read_tools(fields, wish);
  wish.sampling.grammar = read_response_format(fields, *wish.model);
  if (const auto* variables = fields.find("chat_template_kwargs")) {
    if (!variables->is_object()) refuse_field_type("chat_template_kwargs", "an object", *variables);
    wish.variables = nlohmann::ordered_json::parse(variables->dump());
  }
  wish.splits_thinking =
      fields.choice("reasoning_format", {"auto", "none", "deepseek"}).value_or("auto") != "none";
  fields.finish();
  return wish;
}

/// What every chunk and every answer begins with.
struct ChatHead {
  std::string id = random_id("chatcmpl-", 29);
  int64_t created = 0;
  std::string model;

  nlohmann::json json(const char* object) const {
    return {{"id", id},
            {"object", object},
            {"created", created},
            {"model", model},
            {"system_fingerprint", "gradus"}};
  }
};

nlohmann::json choice_json(const ChatWish& wish, int index, const ChatChoice& choice) {
  nlohmann::json message{{"role", "assistant"}, {"content", choice.content}, {"refusal", nullptr}};
  if (!choice.reasoning.empty()) message["reasoning_content"] = choice.reasoning;
  if (!choice.tool_calls.empty()) {
    message["tool_calls"] = choice.tool_calls;
    if (choice.content.empty()) message["content"] = nullptr;
  }
  return {
      {"index", index},
      {"message", std::move(message)},
      {"logprobs", wish.sampling.has_scores ? logprobs_json(wish.model->tokenizer(), choice.scores)
                                            : nlohmann::json()},
      {"finish_reason", choice.finish}};
}

void answer_whole(const std::shared_ptr<Call>& call, const ChatWish& wish, const ChatHead& head) {
  ChatListener listener;
  listener.on_done = [call, wish, head](const ChatOutcome& outcome) {
    if (!outcome.error.empty())
      return call->answer(error_response(HttpError(500, "The model failed: " + outcome.error)));
    auto json = head.json("chat.completion");
    json["choices"] = nlohmann::json::array();
    for (size_t i = 0; i < outcome.choices.size(); ++i)
      json["choices"].push_back(choice_json(wish, static_cast<int>(i), outcome.choices[i]));
    json["usage"] = usage_json(outcome);
    call->answer_json(json);
  };
  run_chat(call, wish, std::move(listener));
}

/// The chunks of a stream.
class ChatStream {
 public:
  ChatStream(std::shared_ptr<Call> call, ChatWish wish, ChatHead head)
      : call_(std::move(call)), wish_(std::move(wish)), head_(std::move(head)) {}

  void begin() {
    stream_ = call_->exchange->open_stream(sse_head());
    for (int i = 0; i < wish_.sampling.n; ++i)
      send(i, {{"role", "assistant"}, {"content", ""}, {"refusal", nullptr}}, nullptr, nullptr);
  }

  void take(const ChatDelta& delta) {
    nlohmann::json fields = nlohmann::json::object();
    if (!delta.reasoning.empty()) fields["reasoning_content"] = delta.reasoning;
    if (!delta.content.empty()) fields["content"] = delta.content;
    send(delta.index, std::move(fields),
         wish_.sampling.has_scores ? logprobs_json(wish_.model->tokenizer(), delta.scores)
                                   : nlohmann::json(),
         nullptr);
  }

  void end_choice(int index, const ChatChoice& choice) {
    nlohmann::json fields = nlohmann::json::object();
    if (!choice.tool_calls.empty()) {
      fields["tool_calls"] = choice.tool_calls;
      for (size_t i = 0; i < fields["tool_calls"].size(); ++i) fields["tool_calls"][i]["index"] = i;
    }
    send(index, std::move(fields), nullptr, choice.finish);
  }

  void finish(const ChatOutcome& outcome) {
    if (!outcome.error.empty()) {
      stream_->write(
          "data: " + error_response(HttpError(500, "The model failed: " + outcome.error)).body +
          "\n\n");
    } else if (wish_.sampling.includes_usage) {
      auto json = head_.json("chat.completion.chunk");
      json["choices"] = nlohmann::json::array();
      json["usage"] = usage_json(outcome);
      stream_->write(sse_text(json));
    }
    stream_->write(kSseEnd);
    stream_->end();
  }

 private:
  void send(int index, nlohmann::json delta, nlohmann::json logprobs, nlohmann::json finish) {
    auto json = head_.json("chat.completion.chunk");
    json["choices"] = {{{"index", index},
                        {"delta", std::move(delta)},
                        {"logprobs", std::move(logprobs)},
                        {"finish_reason", std::move(finish)}}};
    if (wish_.sampling.includes_usage) json["usage"] = nullptr;
    stream_->write(sse_text(json));
  }

  std::shared_ptr<Call> call_;
  ChatWish wish_;
  ChatHead head_;
  std::shared_ptr<ResponseStream> stream_;
};

void create_chat(const std::shared_ptr<Call>& call) {
  const ChatWish wish = read_chat(*call, call->body());
  ChatHead head;
  head.created = call->parts.store.now();
  head.model = wish.model_name;
  if (!wish.sampling.streams) return answer_whole(call, wish, head);
  const auto stream = std::make_shared<ChatStream>(call, wish, head);
  // The head is sent with the first thing there is to send: what cannot be begun is a plain error.
  const auto is_open = std::make_shared<bool>(false);
  const auto open = [stream, is_open] {
    if (!std::exchange(*is_open, true)) stream->begin();
  };
  ChatListener listener;
  listener.on_delta = [stream, open](const ChatDelta& delta) {
    open();
    stream->take(delta);
  };
  listener.on_choice = [stream, open](int index, const ChatChoice& choice) {
    open();
    stream->end_choice(index, choice);
  };
  listener.on_done = [stream, open](const ChatOutcome& outcome) {
    open();
    stream->finish(outcome);
  };
  run_chat(call, wish, std::move(listener));
}

constexpr Route kChatRoutes[] = {
    {"POST", "/v1/chat/completions", Scope::infer, "answer a chat", create_chat, BodyKind::json},
};

}  // namespace

extern const Resource kChatResource{"chat", kChatRoutes};

}  // namespace gradus::service
