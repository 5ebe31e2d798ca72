#pragma once

#include <filesystem>

#include "policy/formats/gguf/gguf.h"
#include "policy/tokenizer/load_tokenizer.h"

namespace gradus::policy {

/// The tokenizer that belongs to a checkpoint, wherever it lies: a Hugging Face directory, a
/// directory with one .gguf, a .gguf file, or a tokenizer file (tokenizer.json, tokenizer.model)
/// itself, whose directory is then read.
/// @throws FileError  missing; what load_tokenizer and GgufFile refuse.
LoadedTokenizer load_checkpoint_tokenizer(const std::filesystem::path& path);

/// A GGUF file's keys as the tokenizer's fields.
/// @throws FileError  bad_tokenizer: a key of another type than its name promises; byte-level BPE
///                    without merges.
GgufTokenizerKeys read_gguf_tokenizer(const GgufFile& file);

/// A tokenizer and its chat template as keys for a GGUF file, in llama.cpp's order.
/// @param num_rows  of the embedding: there are as many tokens, the last ones unused where the
///                  tokenizer has fewer.
/// @throws ArgumentError  the tokenizer has more.
/// @throws Error          llama.cpp has no name for its pre-tokenizer.
GgufEntries gguf_tokenizer_entries(const LoadedTokenizer& loaded, int64_t num_rows);

}  // namespace gradus::policy
