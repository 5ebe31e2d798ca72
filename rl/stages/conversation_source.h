#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "policy/tokenizer/load_tokenizer.h"
#include "rl/stages/text_source.h"
#include "rollout/prompts/prompt_source.h"

namespace gradus::rl {

/// Whether the first row of a JSONL file is a chat that ends with the assistant's message: the form
/// of fine-tuning data in which the response is part of the chat.
bool holds_conversations(const std::string& path);

/// Chats that end with the assistant's message, for supervised fine-tuning: the messages before it
/// are rendered through the checkpoint's chat template as a prompt is for sampling, the last one
/// is the response and, with the end token, the only target; earlier turns of the assistant are
/// context. data.offset, count, shuffle and system apply; chats longer than the context are left
/// out. All are read, checked and tokenised here (4 bytes a token).
///
/// @throws ConfigError  the checkpoint has no chat template; FileError  a row of another form.
std::unique_ptr<TextSource> make_conversation_source(const rollout::DataConfig& data,
                                                     const policy::LoadedTokenizer& tokenizer,
                                                     int max_context, uint64_t seed);

}  // namespace gradus::rl
