#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/tokenizer/added_tokens.h"
#include "policy/tokenizer/sentencepiece/sentencepiece_proto.h"
#include "policy/tokenizer/tokenizer.h"

namespace gradus::policy {

/// What a directory's JSON files, or GGUF keys, say beyond the `.model`.
struct SentencePieceOptions {
  /// Tokens looked for in text, with ids inside the model's pieces (a control symbol such as
  /// "</s>" that text may name) or after them (added_tokens.json).
  std::vector<AddedToken> added_tokens;
  /// Text that follows an added token gets the model's dummy prefix again (transformers'
  /// `legacy`); if false, only the beginning of a text does.
  bool prefix_after_added = true;
};

/// A SentencePiece `.model` (BPE, unigram, word or char), run by the sentencepiece library on bytes
/// that were checked and written anew.
///
/// Ids equal the library's. Without options, control symbols in a text are plain text and
/// user-defined symbols are found, as in the library. With parse_special off, user-defined symbols
/// of the form <|...|> or named as special by the options are plain text too.
/// Each ill-formed byte of a text is read as U+FFFD, which is the library's rule.
class SentencePieceModel : public Tokenizer {
 public:
  /// @throws gradus::Error  the model is refused (SentencePieceProto), or an added token's id is
  ///         that of another piece.
  explicit SentencePieceModel(SentencePieceProto proto, SentencePieceOptions options = {});
  ~SentencePieceModel() override;

  int32_t vocab_size() const override { return vocab_size_; }
  std::vector<int32_t> encode(std::string_view text, bool parse_special) const override;
  std::string decode(std::span<const int32_t> ids, bool skip_special) const override;
  std::string token_bytes(int32_t id) const override;
  bool is_special(int32_t id) const override;
  std::optional<int32_t> find(std::string_view piece) const override;

  /// @throws gradus::Error  the model has no form in GGUF (word, char, whitespace as suffix).
  GgufTokenizerKeys gguf_metadata() const override;

  /// From a directory: its files. Else tokenizer.model, tokenizer_config.json and, for BPE without
  /// normalisation rules, a tokenizer.json.
  std::vector<TokenizerFile> source_files() const override;

  const SentencePieceProto& proto() const { return proto_; }

 private:
  class Library;

  void index_added_tokens();
  bool is_special_symbol(size_t id) const;
  const Library& library(bool parse_special, bool with_prefix) const;
  std::string decode_run(std::span<const int32_t> ids) const;

  SentencePieceProto proto_;
  SentencePieceOptions options_;
  AddedTokenMatcher matcher_;
  std::unordered_map<std::string, int32_t> ids_;
  std::unordered_map<int32_t, AddedToken> added_;
  int32_t vocab_size_ = 0;
  // By [special symbols found][dummy prefix]; only those that can differ are built.
  std::unique_ptr<Library> libraries_[2][2];
};

}  // namespace gradus::policy
