#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus::policy {

/// The metadata of a GGUF file that defines its tokenizer, one field per key. Whoever reads or
/// writes the file copies between keys and fields; this room knows no file format.
struct GgufTokenizerKeys {
  std::string model;                     ///< tokenizer.ggml.model: "gpt2", "llama" or "t5"
  std::string pre;                       ///< tokenizer.ggml.pre: names the pre-tokenizer of "gpt2"
  std::vector<std::string> tokens;       ///< tokenizer.ggml.tokens
  std::vector<std::string> merges;       ///< tokenizer.ggml.merges, "a b"; only "gpt2"
  std::vector<float> scores;             ///< tokenizer.ggml.scores; only "llama" and "t5"
  std::vector<int32_t> token_types;      ///< tokenizer.ggml.token_type, see TokenType
  std::optional<int64_t> bos_id;         ///< tokenizer.ggml.bos_token_id
  std::optional<int64_t> eos_id;         ///< tokenizer.ggml.eos_token_id
  std::optional<int64_t> unk_id;         ///< tokenizer.ggml.unknown_token_id
  std::optional<int64_t> pad_id;         ///< tokenizer.ggml.padding_token_id
  std::optional<bool> add_bos;           ///< tokenizer.ggml.add_bos_token
  std::optional<bool> add_eos;           ///< tokenizer.ggml.add_eos_token
  std::optional<bool> add_space_prefix;  ///< tokenizer.ggml.add_space_prefix
  std::optional<bool> remove_extra_whitespaces;  ///< tokenizer.ggml.remove_extra_whitespaces
  std::string precompiled_charsmap;  ///< tokenizer.ggml.precompiled_charsmap, an array of u8
  std::string chat_template;         ///< tokenizer.chat_template
  std::string huggingface_json;      ///< tokenizer.huggingface.json: a whole tokenizer.json
};

/// Values of tokenizer.ggml.token_type (and of SentencePiece's pieces).
enum class TokenType : int32_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,
};

}  // namespace gradus::policy
