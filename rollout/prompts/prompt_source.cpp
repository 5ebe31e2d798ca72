#include "rollout/prompts/prompt_source.h"

#include <algorithm>

#include "base/error.h"
#include "policy/tokenizer/load_tokenizer.h"
#include "rollout/prompts/chat_renderer.h"
#include "rollout/prompts/file_prompts.h"
#include "rollout/prompts/generated_prompts.h"

namespace gradus::rollout {
namespace {

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
  auto render = make_chat_renderer(config, tokenizer);
  RowRules rules{PromptTemplate(config.template_text), config.system, static_cast<bool>(render)};
  if (!config.system.empty() && !rules.as_chat) {
    throw ConfigError(
        "data.system: there is no chat template to put it in (the checkpoint has none, or "
        "data.chat "
        "is false); write it into data.template");
  }
  PromptRenderer renderer(*tokenizer.tokenizer, std::move(rules), std::move(render),
                          longest_prompt(config, max_context));
  return config.task.empty() ? make_file_prompts(config, std::move(renderer), seed)
                             : make_generated_prompts(config, std::move(renderer), seed);
}

}  // namespace gradus::rollout
