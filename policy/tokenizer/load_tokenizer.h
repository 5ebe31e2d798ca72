#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "policy/tokenizer/chat_template.h"
#include "policy/tokenizer/tokenizer.h"

namespace gradus::policy {

/// A checkpoint's tokenizer and what belongs to it.
struct LoadedTokenizer {
  std::unique_ptr<Tokenizer> tokenizer;
  std::optional<ChatTemplate> chat_template;
  /// Variables for the template: bos_token, eos_token, pad_token, unk_token as far as named.
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();
};

/// Reads the tokenizer of a Hugging Face directory.
///
/// The tokenizer is tokenizer.json or else tokenizer.model. Beside it, each only if it is there:
/// tokenizer_config.json (special tokens as string or object, add_bos_token, add_eos_token, legacy,
/// added_tokens_decoder, chat_template as string or list of {name, template}, of which "default"
/// counts), special_tokens_map.json, added_tokens.json, chat_template.jinja (wins over the
/// config's) or chat_template.json, generation_config.json and config.json (eos_token_id may be a
/// list: a completion stops at any).
///
/// Tokens that those files name as special become special tokens of the tokenizer.
///
/// @param dir  a directory.
/// @throws gradus::FileError  names the file and key: neither file is there, one is broken, a named
///         token or id is not in the vocabulary, the template is not supported.
LoadedTokenizer load_tokenizer(const std::string& dir);

/// The tokenizer of a GGUF file and its template, with the same variables.
/// @param path  of the file, for errors.
LoadedTokenizer load_tokenizer(const GgufTokenizerKeys& keys, const std::string& path);

}  // namespace gradus::policy
