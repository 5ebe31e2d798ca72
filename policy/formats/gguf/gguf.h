#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/formats/gguf/gguf_value.h"
#include "policy/formats/mapped_file.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {

/// A GGUF file (version 2 or 3, little-endian), wholly checked before any tensor is touched:
///
///     "GGUF" | u32 version | u64 num_tensors | u64 num_entries | entries | tensor infos |
///     padding to general.alignment | data
///
/// Counts and lengths are held against the bytes left before anything is allocated. Shapes are
/// given as in torch, outermost first (the file stores them the other way round).
///
/// Const functions may run on several threads at once.
class GgufFile {
 public:
  /// @throws gradus::FileError  checkpoint_truncated; bad_header (magic, version, big-endian,
  ///     types, alignment, nesting, flags other than 0 and 1, duplicate keys, split files);
  ///     duplicate_tensor; bad_shape; bad_offsets; unsupported_dtype.
  static GgufFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::map<std::string, GgufValue>& metadata() const { return metadata_; }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // in file order

  /// The value of a key; null when it is absent.
  const GgufValue* entry(std::string_view key) const;
  /// Null when there is no tensor of that name.
  const TensorInfo* find(std::string_view name) const;

  /// Reads a whole tensor, dequantised to float32.
  /// @param out  [num_elements]
  /// @throws gradus::FileError  tensor_missing, checkpoint_truncated, inexact_weights.
  void read_f32(std::string_view name, std::span<float> out) const;

 private:
  GgufFile(MappedFile file, std::map<std::string, GgufValue> metadata,
           std::vector<TensorInfo> tensors);

  MappedFile file_;
  std::map<std::string, GgufValue> metadata_;
  std::vector<TensorInfo> tensors_;
  std::unordered_map<std::string, size_t> index_;
};

/// The dtype of ggml's type number, and back; nothing for types that Gradus does not read.
std::optional<DType> dtype_from_ggml(uint32_t id);
std::optional<uint32_t> ggml_from_dtype(DType dtype);

}  // namespace gradus::policy
