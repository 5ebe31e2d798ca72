#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/gguf/gguf_keys.h"

namespace gradus::policy {

/// Ids with a meaning of their own, as the checkpoint's files name them.
struct SpecialIds {
  std::optional<int32_t> bos;
  std::vector<int32_t> eos;  ///< generation ends at any of them; the first one is "the" eos
  std::optional<int32_t> pad;
  std::optional<int32_t> unk;
};

/// One file of a tokenizer's directory.
struct TokenizerFile {
  std::string name;      ///< a plain name without a path
  std::string contents;  ///< all its bytes
};

/// Text to token ids and back.
///
/// All const methods may run at once from any number of threads. Encoding never throws for what a
/// text holds: ill-formed UTF-8 is tokenised byte by byte where the vocabulary has byte tokens
/// (a SentencePiece model reads each ill-formed byte as U+FFFD, as its library does).
class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  /// Largest id + 1. A model's embedding may have more rows than this.
  virtual int32_t vocab_size() const = 0;

  /// The ids of `text` without bos or eos.
  /// @param parse_special  true: strings of special tokens in the text become those tokens (for
  ///        rendered chat templates); false: they are text like any other (for what users wrote).
  virtual std::vector<int32_t> encode(std::string_view text, bool parse_special = true) const = 0;

  /// The text of `ids`, always well-formed UTF-8: other bytes become U+FFFD. Ids outside the
  /// vocabulary (padding rows of the embedding) have no text.
  virtual std::string decode(std::span<const int32_t> ids, bool skip_special = false) const = 0;

  /// The bytes that `id` adds in the middle of a text; possibly part of a character. Empty for ids
  /// outside the vocabulary. For special tokens: their own string.
  virtual std::string token_bytes(int32_t id) const = 0;

  virtual bool is_special(int32_t id) const = 0;

  /// The id of a vocabulary entry, spelled as in the vocabulary ("Ġthe", "▁the", "<|im_end|>").
  virtual std::optional<int32_t> find(std::string_view piece) const = 0;

  /// What the checkpoint's own tools put around a text when they tokenise it as a document.
  virtual std::vector<int32_t> with_special(std::vector<int32_t> ids) const;

  /// Keys from which `tokenizer_from_gguf` builds an equal tokenizer. The chat template is not the
  /// tokenizer's: the caller fills it in.
  virtual GgufTokenizerKeys gguf_metadata() const = 0;

  /// Files to write beside a checkpoint in Hugging Face's layout: those this tokenizer was read
  /// from, or, if it came from GGUF, ones that transformers loads with the same ids.
  virtual std::vector<TokenizerFile> source_files() const = 0;

  std::optional<int32_t> bos_id() const { return special_.bos; }
  const std::vector<int32_t>& eos_ids() const { return special_.eos; }
  std::optional<int32_t> pad_id() const { return special_.pad; }
  std::optional<int32_t> unk_id() const { return special_.unk; }
  const SpecialIds& special_ids() const { return special_; }

  /// @throws gradus::ArgumentError  an id is outside the vocabulary.
  void set_special_ids(SpecialIds ids);

  /// Whether with_special adds bos and eos, where a file says so apart from the tokenizer itself.
  void set_adds(std::optional<bool> bos, std::optional<bool> eos);

  /// Replaces what source_files() gives: the loader knows the directory.
  void set_source_files(std::vector<TokenizerFile> files) { files_ = std::move(files); }

 protected:
  const std::vector<TokenizerFile>& files() const { return files_; }
  std::optional<bool> adds_bos() const { return adds_bos_; }
  std::optional<bool> adds_eos() const { return adds_eos_; }

 private:
  SpecialIds special_;
  std::optional<bool> adds_bos_;
  std::optional<bool> adds_eos_;
  std::vector<TokenizerFile> files_;
};

/// Turns a stream of ids into a stream of text, never cutting a character in two.
///
/// The pieces it returns, joined, are the bytes of the ids with ill-formed parts as U+FFFD; it is
/// meant for what follows a prompt, so no leading space is removed. One per stream; not shared.
class StreamDecoder {
 public:
  /// @param tokenizer  must outlive the decoder.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = false)
      : tokenizer_(tokenizer), skip_special_(skip_special) {}

  /// Text that is complete with `id`; bytes that a later id may complete are held back.
  std::string push(int32_t id);

  /// What is still held back, incomplete as it is; the decoder is then as new.
  std::string finish();

 private:
  const Tokenizer& tokenizer_;
  bool skip_special_;
  std::string held_;
};

}  // namespace gradus::policy
