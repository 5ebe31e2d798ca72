#pragma once

#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "policy/formats/mapped_file.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {

/// A safetensors file, wholly checked before any tensor is touched:
///
///     u64 N (little-endian) | N bytes of JSON | data
///
/// N is at most 100,000,000 and inside the file, the header is as parse_safetensors_header says,
/// and the data ends where the file does. Files of Gradus carry a CRC-64 per tensor (and one of the
/// other metadata), which every read verifies; files without checksums load.
///
/// Const functions may run on several threads at once.
class SafetensorsFile {
 public:
  /// @throws gradus::FileError  checkpoint_truncated, header_too_large, bad_header, bad_shape,
  ///     bad_offsets, unsupported_dtype, duplicate_tensor, checksum_mismatch (of the header).
  static SafetensorsFile open(const std::filesystem::path& path);

  const std::filesystem::path& path() const { return file_.path(); }
  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // in file order
  const std::map<std::string, std::string>& metadata() const { return metadata_; }
  bool has_checksums() const { return !checksums_.empty(); }

  /// Nothing when there is no tensor of that name.
  const TensorInfo* find(std::string_view name) const;
  /// @throws gradus::FileError  tensor_missing.
  const TensorInfo& info(std::string_view name) const;

  /// Reads a whole tensor, widened to float32; alignment in the file does not matter.
  /// @param out  [num_elements]
  /// @throws gradus::FileError  tensor_missing, checksum_mismatch, checkpoint_truncated,
  ///                            inexact_weights.
  void read_f32(std::string_view name, std::span<float> out) const;

  /// Reads a whole tensor as it lies in the file.
  /// @param out  [num_bytes]
  void read_raw(std::string_view name, std::span<std::byte> out) const;

  /// The mapped bytes, without a copy and without the checksum; see MappedFile::view.
  std::span<const std::byte> view(std::string_view name) const;

  /// Reads everything once and throws checksum_mismatch at the first damaged tensor.
  void verify() const;

 private:
  SafetensorsFile(MappedFile file, std::vector<TensorInfo> tensors,
                  std::map<std::string, std::string> metadata);
  void check(const TensorInfo& info, const class Crc64& crc) const;

  MappedFile file_;
  std::vector<TensorInfo> tensors_;
  std::map<std::string, std::string> metadata_;
  std::unordered_map<std::string, size_t> index_;
  std::unordered_map<std::string, uint64_t> checksums_;
};

}  // namespace gradus::policy
