#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "policy/formats/tensor_info.h"

namespace gradus::policy {

/// The JSON header of a safetensors file, checked as far as it can be without the file's size.
struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<TensorInfo> tensors;  // by offset; TensorInfo::offset is relative to the data here
  uint64_t data_bytes = 0;          // the last tensor's end
};

/// Parses a header in one pass, without building a document: memory stays in proportion to the
/// tensors named, whatever else the text holds.
///
/// Refused, as FileError on `path`: a first byte other than '{', bytes after the object other than
/// white space, bad UTF-8, nesting deeper than 64, duplicate names or fields, unknown dtypes,
/// dimensions that are no whole numbers up to 2^31, more than 32 of them, sizes that overflow or
/// disagree with the offsets, and data with holes or overlaps.
SafetensorsHeader parse_safetensors_header(std::string_view text, const std::string& path);

}  // namespace gradus::policy
