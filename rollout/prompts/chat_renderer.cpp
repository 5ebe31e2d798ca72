#include "rollout/prompts/chat_renderer.h"

#include <chrono>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "policy/tokenizer/load_tokenizer.h"

namespace gradus::rollout {
namespace {

/// Templates that print the date get this one: prompts must not change between a run and its
/// continuation on another day.
constexpr auto kToday = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1};
constexpr int64_t kMaxTemplateBytes = 1 << 20;

policy::ChatTemplate own_template(const std::string& setting) {
  try {
    return policy::ChatTemplate::parse(
        is_template_text(setting) ? setting : read_file(setting, kMaxTemplateBytes));
  } catch (const Error& error) {
    throw ConfigError(std::string("data.chat_template: ") + error.what());
  }
}

}  // namespace

bool is_template_text(const std::string& chat_template) {
  return chat_template.find("{{") != std::string::npos ||
         chat_template.find("{%") != std::string::npos;
}

PromptRenderer::RenderChat make_chat_renderer(const DataConfig& config,
                                              const policy::LoadedTokenizer& tokenizer) {
  if (!config.chat) return {};
  if (config.chat_template.empty() && !tokenizer.chat_template) return {};
  policy::ChatTemplate chat_template =
      config.chat_template.empty() ? *tokenizer.chat_template : own_template(config.chat_template);
  return [chat_template = std::move(chat_template), &tokenizer](const ChatRow& chat) {
    policy::ChatInput input;
    input.messages = chat.messages;
    input.tools = chat.tools;
    input.continue_final_message = chat.continues;
    input.add_generation_prompt = !chat.continues;
    input.variables = tokenizer.variables;
    if (chat.template_kwargs.is_object()) input.variables.update(chat.template_kwargs);
    input.now = kToday;
    return chat_template.render(input);
  };
}

}  // namespace gradus::rollout
