#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/added_tokens.h"
#include "policy/tokenizer/bpe/bpe_model.h"
#include "policy/tokenizer/normalizer.h"
#include "policy/tokenizer/pre_tokenizer.h"
#include "policy/tokenizer/token_decoder.h"
#include "policy/tokenizer/tokenizer.h"

namespace gradus::policy {

/// The BPE tokenizers of Hugging Face's tokenizer.json: byte-level ones (GPT-2, SmolLM2, Llama 3,
/// Qwen, DeepSeek) and those over characters with byte fallback (Llama 2, Mistral).
///
///   added tokens are cut out of the raw text -> normalizer -> those cut out of normalised text
///   -> pre-tokenizer -> BPE of each piece
///
/// Ids equal the `tokenizers` library's. Ill-formed UTF-8, which that library cannot be given, is
/// tokenised byte by byte: one run of bad bytes is one piece of a byte-level vocabulary, or <0xNN>
/// tokens; bytes the vocabulary lacks become unk, or vanish where there is no unk.
class ByteLevelBpe : public Tokenizer {
 public:
  /// Everything a tokenizer.json says, checked.
  struct Parts {
    std::unique_ptr<Normalizer> normalizer;       ///< may be null
    std::unique_ptr<PreTokenizer> pre_tokenizer;  ///< may be null
    std::unique_ptr<BpeModel> model;
    std::unique_ptr<TokenDecoder> decoder;  ///< may be null
    std::vector<AddedToken> added_tokens;
    std::vector<int32_t> before;  ///< ids the post-processor puts before a text
    std::vector<int32_t> after;   ///< and after it
    bool byte_level = false;      ///< vocabulary spelled in stand-ins for bytes
    std::string json;             ///< the tokenizer.json itself
  };

  explicit ByteLevelBpe(Parts parts);

  /// @param json  the contents of a tokenizer.json.
  /// @throws gradus::Error  not JSON, a model other than BPE, a component that is unknown (named by
  ///         its type and its place in the file), ids that contradict each other.
  static std::unique_ptr<ByteLevelBpe> from_json(std::string_view json);

  int32_t vocab_size() const override { return vocab_size_; }
  std::vector<int32_t> encode(std::string_view text, bool parse_special) const override;
  std::string decode(std::span<const int32_t> ids, bool skip_special) const override;
  std::string token_bytes(int32_t id) const override;
  bool is_special(int32_t id) const override;
  std::optional<int32_t> find(std::string_view piece) const override;
  std::vector<int32_t> with_special(std::vector<int32_t> ids) const override;
  GgufTokenizerKeys gguf_metadata() const override;
  std::vector<TokenizerFile> source_files() const override;

  /// Makes vocabulary entries special tokens, as a tokenizer_config.json that names them does.
  void mark_special(const std::vector<std::string>& pieces);

 private:
  void index_added_tokens();
  const AddedToken* added(int32_t id) const;
  const std::string* spelling(int32_t id) const;
  void encode_valid(std::string_view text, bool at_start, bool parse_special,
                    std::vector<int32_t>& ids) const;
  void encode_normalized(std::string_view text, bool at_start, std::vector<int32_t>& ids) const;
  void encode_invalid(std::string_view bytes, std::vector<int32_t>& ids) const;
  void fill_character_level_keys(GgufTokenizerKeys& keys) const;
  bool is_gguf_pre(const std::string& name) const;

  Parts parts_;
  int32_t vocab_size_ = 0;
  AddedTokenMatcher raw_matcher_;
  AddedTokenMatcher normalized_matcher_;
  std::vector<std::string> needles_;  // of each added token: its content as text holds it
  std::unordered_map<int32_t, size_t> added_by_id_;
  std::unordered_map<std::string, int32_t> added_by_content_;
};

}  // namespace gradus::policy
