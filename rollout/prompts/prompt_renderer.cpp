#include "rollout/prompts/prompt_renderer.h"

#include <algorithm>

#include "base/error.h"

namespace gradus::rollout {

PromptRenderer::PromptRenderer(const policy::Tokenizer& tokenizer, RowRules rules,
                               RenderChat render_chat, int64_t most_tokens)
    : tokenizer_(&tokenizer),
      rules_(std::move(rules)),
      render_chat_(std::move(render_chat)),
      most_tokens_(most_tokens) {}

PromptRenderer::Rendered PromptRenderer::render(PromptRow row, std::string id) const {
  Rendered rendered;
  Prompt& prompt = rendered.prompt;
  prompt.id = std::move(id);
  prompt.row = std::move(row.row);
  if (row.chat.messages.is_null()) {
    prompt.text = std::move(row.text);
    prompt.tokens = encode_to_continue(*tokenizer_, prompt.text);
  } else {
    try {
      prompt.text = render_chat_(row.chat);
    } catch (const Error& error) {
      // The template belongs to the checkpoint, the chat to the row: here both can be named.
      rendered.problem = std::string("the chat template refuses the row: ") + error.what();
      return rendered;
    }
    prompt.messages = row.chat.messages;
    // The template writes bos and all else that a chat needs.
    prompt.tokens = tokenizer_->encode(prompt.text, true);
  }
  const auto length = static_cast<int64_t>(prompt.tokens.size());
  if (length > most_tokens_) {
    rendered.too_long = "prompt has " + std::to_string(length) + " tokens, the most is " +
                        std::to_string(most_tokens_);
  }
  return rendered;
}

std::vector<int32_t> encode_to_continue(const policy::Tokenizer& tokenizer,
                                        const std::string& text) {
  const auto ids = tokenizer.encode(text, true);
  auto framed = tokenizer.with_special(ids);
  const auto& eos = tokenizer.eos_ids();
  const auto is_eos = [&](int32_t id) {
    return std::find(eos.begin(), eos.end(), id) != eos.end();
  };
  // bos and eos are one token in some vocabularies: only what stands behind the text is an end.
  const auto text_begin = std::search(framed.begin(), framed.end(), ids.begin(), ids.end());
  if (text_begin == framed.end()) return framed;
  const auto kept = std::max<std::ptrdiff_t>(1, text_begin - framed.begin() + std::ssize(ids));
  if (kept < std::ssize(framed) && std::all_of(framed.begin() + kept, framed.end(), is_eos))
    framed.resize(static_cast<size_t>(kept));
  return framed;
}

}  // namespace gradus::rollout
