#pragma once

#include <vector>

#include "policy/tokenizer/sentencepiece/sentencepiece_proto.h"
#include "policy/tokenizer/tokenizer.h"

namespace gradus::policy {

/// Pieces, scores, types and normalisation of a model as GGUF keys: "llama" for BPE, "t5" for
/// unigram. @throws gradus::Error  the model has no form in GGUF.
GgufTokenizerKeys sentencepiece_gguf_keys(const SentencePieceProto& proto);

/// The reverse: the model that such keys describe.
/// @throws gradus::Error  arrays of unequal length, a model other than "llama" and "t5", or pieces
///         that SentencePieceProto refuses.
SentencePieceProto sentencepiece_from_gguf(const GgufTokenizerKeys& keys);

/// tokenizer.model, tokenizer_config.json and, where BPE needs no normalisation rules, a
/// tokenizer.json with merges derived from the scores, for transformers.
std::vector<TokenizerFile> sentencepiece_files(const SentencePieceProto& proto,
                                               const Tokenizer& tokenizer, bool add_bos);

}  // namespace gradus::policy
