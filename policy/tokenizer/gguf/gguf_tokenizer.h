#pragma once

#include <memory>

#include "policy/tokenizer/gguf/gguf_keys.h"
#include "policy/tokenizer/tokenizer.h"

namespace gradus::policy {

/// The tokenizer that a GGUF file's metadata describes.
///
/// "gpt2" is byte-level BPE with the pre-tokenizer that `pre` names; "llama" and "t5" are
/// SentencePiece models, built anew from tokens, scores and types. A whole tokenizer.json in the
/// metadata wins over the arrays. Control tokens are special, user-defined ones are found in text
/// but are not special. Where the keys do not say whether texts begin with bos and end with eos, it
/// is as in llama.cpp.
///
/// @throws gradus::Error  an unknown `model` or `pre` by name, arrays that contradict each other,
///         special ids outside the vocabulary; says which key.
std::unique_ptr<Tokenizer> tokenizer_from_gguf(const GgufTokenizerKeys& keys);

}  // namespace gradus::policy
