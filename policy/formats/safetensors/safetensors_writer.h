#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "policy/formats/tensor_data.h"

namespace gradus::policy {

/// Writes a safetensors file that appears whole or not at all.
///
/// Tensors are ordered by dtype size (largest first), then by name, and the header is padded with
/// spaces so that the data begins at a multiple of 8, as the reference does. The header carries a
/// CRC-64 per tensor (see safetensors_checksums.h), so each tensor is read twice: once for its
/// checksum, once for its bytes; a tensor that changed in between is reported.
///
/// @param metadata  e.g. {{"format", "pt"}}, which transformers asks for.
/// @throws gradus::ArgumentError  two tensors of one name, a shape that overflows, values that
///                                changed between the two reads.
/// @throws gradus::FileError      from AtomicFile and from the readers.
void write_safetensors(const std::filesystem::path& path, std::vector<RawTensor> tensors,
                       std::map<std::string, std::string> metadata);

}  // namespace gradus::policy
