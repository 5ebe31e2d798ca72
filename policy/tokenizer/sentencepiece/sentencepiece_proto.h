#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/gguf/gguf_keys.h"

namespace gradus::policy {

/// What Gradus uses of a SentencePiece `ModelProto`.
struct SentencePieceProto {
  struct Piece {
    std::string text;
    float score = 0;
    TokenType type = TokenType::kNormal;
  };
  struct Normalizer {
    std::string name;
    std::string precompiled_charsmap;
    bool add_dummy_prefix = true;
    bool remove_extra_whitespaces = true;
    bool escape_whitespaces = true;
  };
  enum ModelType { kUnigram = 1, kBpe = 2, kWord = 3, kChar = 4 };

  std::vector<Piece> pieces;
  int model_type = kUnigram;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  std::string unk_piece = "<unk>";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string pad_piece = "<pad>";
  std::string unk_surface = " \xE2\x81\x87 ";
  Normalizer normalizer;
  Normalizer denormalizer;

  /// Reads and checks the bytes of a `.model` file.
  ///
  /// SentencePiece itself reads past its arrays, overflows the stack or aborts on crafted models
  /// (CVE-2026-1260 and issues 1263 to 1308), so that nothing reaches it unchecked: pieces are
  /// unique, well-formed UTF-8 of 1 to 512 bytes without NUL, scores are finite, there is exactly
  /// one unknown piece, byte pieces are complete or absent, the trie in precompiled_charsmap stays
  /// inside its array, and no chain of rules or user-defined symbols is longer than 32.
  ///
  /// @throws gradus::Error  says what is wrong and where (byte, or piece).
  static SentencePieceProto parse(std::string_view bytes);

  /// The same checks for a model made here.
  void check() const;

  /// A ModelProto with exactly these fields: the only bytes the library is ever given.
  std::string serialize() const;
};

}  // namespace gradus::policy
