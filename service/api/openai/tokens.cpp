// Texts to tokens and back, in the forms of vLLM and llama.cpp.
#include "service/api/call.h"
#include "service/api/openai/chat_run.h"
#include "service/api/parts.h"
#include "service/models/model_host.h"

namespace gradus::service {
namespace {

Response tokenize(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const auto model = call.parts.models.use(fields.text("model"), call.project());
  std::vector<int32_t> tokens;
  if (const auto* messages = fields.find("messages")) {
    tokens = model->encode_chat(
        model->render_chat(read_messages(*messages, "messages"), nullptr, nullptr));
  } else {
    const bool is_content = fields.find("content") != nullptr;
    const std::string text = fields.text(is_content ? "content" : "prompt");
    const bool adds = fields.flag(is_content ? "add_special" : "add_special_tokens", !is_content);
    tokens = adds ? model->encode_text(text) : model->tokenizer().encode(text, true);
  }
  fields.pass_over({"add_special", "add_special_tokens", "with_pieces", "prompt", "content"});
  fields.finish();
  return json_response(
      {{"tokens", tokens}, {"count", tokens.size()}, {"max_model_len", model->context_length()}});
}

Response detokenize(Call& call) {
  const auto body = call.body();
  Fields fields(body, "");
  const auto model = call.parts.models.use(fields.text("model"), call.project());
  const auto& list = fields.need("tokens");
  if (!list.is_array()) refuse_field_type("tokens", "an array of integers", list);
  std::vector<int32_t> tokens;
  for (const auto& token : list) {
    const bool is_known = token.is_number_integer() && token.get<int64_t>() >= 0 &&
                          token.get<int64_t>() < model->vocab_size();
    if (!is_known) refuse_field("tokens", "holds what is no token of the model");
    tokens.push_back(token.get<int32_t>());
  }
  fields.finish();
  const std::string text = model->tokenizer().decode(tokens);
  return json_response({{"prompt", text}, {"content", text}});
}

constexpr Route kTokenRoutes[] = {
    {"POST", "/v1/tokenize", Scope::infer, "a text's or chat's tokens", answering<tokenize>,
     BodyKind::json},
    {"POST", "/v1/detokenize", Scope::infer, "the text of tokens", answering<detokenize>,
     BodyKind::json},
    {"POST", "/tokenize", Scope::infer, "a text's or chat's tokens", answering<tokenize>,
     BodyKind::json},
    {"POST", "/detokenize", Scope::infer, "the text of tokens", answering<detokenize>,
     BodyKind::json},
};

}  // namespace

extern const Resource kTokensResource{"tokens", kTokenRoutes};

}  // namespace gradus::service
