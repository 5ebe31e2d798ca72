#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "policy/formats/gguf/gguf_value.h"
#include "policy/formats/tensor_data.h"

namespace gradus::policy {

/// The dtype llama.cpp's converter would store a tensor in: norms and everything one-dimensional
/// stay F32; Q8_0 needs rows of a multiple of 32 and becomes F16 elsewhere.
DType gguf_tensor_dtype(const std::vector<int64_t>& shape, DType wanted);

/// Writes a GGUF file (version 3) that appears whole or not at all, under the names given.
///
/// @param wanted   F32, F16, BF16 or Q8_0; see gguf_tensor_dtype.
/// @throws gradus::ArgumentError  duplicate names, more than 4 dimensions, another dtype.
/// @throws gradus::FileError      from AtomicFile; nonfinite_weights.
void write_gguf_file(const std::filesystem::path& path, const GgufEntries& entries,
                     const std::vector<FloatTensor>& tensors, DType wanted);

}  // namespace gradus::policy
