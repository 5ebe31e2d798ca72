#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "policy/formats/gguf/gguf_value.h"
#include "policy/formats/model_config.h"
#include "policy/formats/tensor_data.h"

namespace gradus::policy {

/// A model to be written as one GGUF file.
struct GgufCheckpoint {
  ModelConfig config;
  std::vector<FloatTensor> tensors;  // under Hugging Face's names, all of expected_tensors
  DType dtype = DType::F16;          // of the matrices: F32, F16, BF16 or Q8_0
  std::string name = "gradus";       // general.name
  GgufEntries tokenizer;             // tokenizer.ggml.* and tokenizer.chat_template
};

/// Writes a file that llama.cpp and open_checkpoint read: names and row order as llama.cpp has
/// them, rope_freqs.weight for llama3 rope, no output.weight for tied models.
/// @throws gradus::ArgumentError  tensors that are missing or misshaped; what gguf_entries_of and
///                                write_gguf_file refuse.
void write_gguf_checkpoint(const std::filesystem::path& path, const GgufCheckpoint& checkpoint);

}  // namespace gradus::policy
