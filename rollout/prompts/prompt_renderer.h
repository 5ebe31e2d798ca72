#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "policy/tokenizer/tokenizer.h"
#include "rollout/prompts/prompt_row.h"
#include "rollout/records.h"

namespace gradus::rollout {

/// Turns rows that were read into prompts: text, then tokens. All const calls may run at once.
class PromptRenderer {
 public:
  /// A chat as the text that the policy continues. @throws Error  the template refuses the chat.
  using RenderChat = std::function<std::string(const ChatRow& chat)>;

  struct Rendered {
    Prompt prompt;
    std::string problem;   ///< the chat template refused the chat; empty: it did not
    std::string too_long;  ///< "prompt has 900 tokens, the most is 512"; empty: it fits
  };

  /// @param tokenizer    outlives this.
  /// @param render_chat  empty where rules.as_chat is false.
  /// @param most_tokens  longest prompt.
  PromptRenderer(const policy::Tokenizer& tokenizer, RowRules rules, RenderChat render_chat,
                 int64_t most_tokens);

  const RowRules& rules() const { return rules_; }
  Rendered render(PromptRow row, std::string id) const;

 private:
  const policy::Tokenizer* tokenizer_;
  RowRules rules_;
  RenderChat render_chat_;
  int64_t most_tokens_;
};

/// Tokens of a text that the policy is to continue: special tokens' strings are those tokens, as
/// transformers reads them, and what the model wants before a document stands before it; an end
/// token behind it does not.
std::vector<int32_t> encode_to_continue(const policy::Tokenizer& tokenizer,
                                        const std::string& text);

}  // namespace gradus::rollout
