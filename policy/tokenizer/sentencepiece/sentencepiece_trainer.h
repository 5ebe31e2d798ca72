#pragma once

#include <span>
#include <string>
#include <vector>

namespace gradus::policy {

/// How a small SentencePiece BPE model is trained.
struct SentencePieceTraining {
  int vocab_size = 1024;               ///< pieces in all, control and byte pieces included
  bool byte_fallback = true;           ///< 256 pieces for single bytes
  bool split_digits = true;            ///< each digit is a piece of its own
  bool add_dummy_prefix = false;       ///< a blank before each text
  double character_coverage = 0.9995;  ///< of the lines' characters get pieces
  std::vector<std::string> user_defined_symbols;  ///< found whole in every text
  std::string unk_piece = "<unk>";                ///< id 0
  std::string bos_piece = "<s>";                  ///< id 1
  std::string eos_piece = "</s>";                 ///< id 2
};

/// Trains a BPE model without normalisation (white space and line ends are kept).
///
/// Deterministic: one thread, no sampling of lines.
///
/// @param lines  texts; at least one character in all.
/// @return       the bytes of a `.model` file, as SentencePieceProto accepts.
/// @throws gradus::ArgumentError  options that contradict each other, or too few lines for the
///         vocabulary; carries the library's words.
std::string train_sentencepiece(const SentencePieceTraining& options,
                                std::span<const std::string> lines);

}  // namespace gradus::policy
