#pragma once

#include <nlohmann/json.hpp>

#include "policy/formats/gguf/gguf.h"
#include "policy/formats/model_config.h"

namespace gradus::policy {

/// A config.json equivalent to a GGUF file's keys and tensors: sizes, rope and its scaling,
/// tie_word_embeddings from the absence of output.weight, vocab_size from the embedding's rows,
/// token ids from the tokenizer's keys. Numbers stored in float32 become their shortest decimals.
/// @throws gradus::FileError  unsupported_architecture; bad_config for missing keys, mixtures of
///                            experts, partial rotation and rope types that cannot be expressed.
nlohmann::json hf_config_from_gguf(const GgufFile& gguf);

/// The keys that describe a model, in llama.cpp's order, general.* first; without a tokenizer.
/// @param name   general.name.
/// @param dtype  of the matrices, for general.file_type.
/// @throws gradus::ArgumentError  what llama.cpp cannot compute: sliding windows, a yarn ramp that
///                                is not truncated.
GgufEntries gguf_entries_of(const ModelConfig& config, const std::string& name, DType dtype);

}  // namespace gradus::policy
