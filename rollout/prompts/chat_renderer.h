#pragma once

#include "rollout/prompts/prompt_renderer.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::policy {
struct LoadedTokenizer;
}

namespace gradus::rollout {

/// How chats of the data become text: through data.chat_template, else through the checkpoint's
/// template; empty where there is neither, or data.chat is false. A row's `tools` and
/// `chat_template_kwargs` reach the template; templates that print the date get a fixed one, so
/// that runs repeat on any day.
///
/// @param tokenizer  outlives the result.
/// @throws ConfigError  data.chat_template is no template, or no file that can be read.
PromptRenderer::RenderChat make_chat_renderer(const DataConfig& config,
                                              const policy::LoadedTokenizer& tokenizer);

/// Whether data.chat_template is the template itself, not the path of its file.
bool is_template_text(const std::string& chat_template);

}  // namespace gradus::rollout
