#include "rollout/prompts/prompt_source.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rollout/prompts/file_prompts.h"
#include "rollout/prompts/generated_prompts.h"

namespace gradus::rollout {
namespace {

/// Templates that print the date get this one: prompts must not change between a run and its
/// continuation on another day.
constexpr auto kToday = std::chrono::sys_days{std::chrono::year{2025} / 1 / 1};

PromptRenderer::RenderChat chat_renderer(const policy::LoadedTokenizer& tokenizer) {
  return [&tokenizer](const nlohmann::json& messages) {
    policy::ChatInput input;
    input.messages = messages;
    input.add_generation_prompt = true;
    input.variables = tokenizer.variables;
    input.now = kToday;
    return tokenizer.chat_template->render(input);
  };
}

int64_t longest_prompt(const DataConfig& config, int max_context) {
  const int64_t room = int64_t{max_context} - 1;
  return config.max_prompt_tokens > 0 ? std::min<int64_t>(config.max_prompt_tokens, room) : room;
}

}  // namespace

std::unique_ptr<PromptSource> make_prompt_source(const DataConfig& config,
                                                 const policy::LoadedTokenizer& tokenizer,
                                                 int max_context, uint64_t seed) {
  if (config.path.empty() == config.task.empty())
    throw ConfigError("data: give either data.path (a file) or data.task (a generated task)");
  RowRules rules{PromptTemplate(config.template_text), config.system,
                 config.chat && tokenizer.chat_template.has_value()};
  if (!config.system.empty() && !rules.as_chat) {
    throw ConfigError(
        "data.system: there is no chat template to put it in (the checkpoint has none, or "
        "data.chat "
        "is false); write it into data.template");
  }
  auto render = rules.as_chat ? chat_renderer(tokenizer) : PromptRenderer::RenderChat();
  PromptRenderer renderer(*tokenizer.tokenizer, std::move(rules), std::move(render),
                          longest_prompt(config, max_context));
  return config.task.empty() ? make_file_prompts(config, std::move(renderer), seed)
                             : make_generated_prompts(config, std::move(renderer), seed);
}

}  // namespace gradus::rollout
