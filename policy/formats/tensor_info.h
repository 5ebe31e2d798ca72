#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/formats/dtype.h"
#include "policy/formats/mapped_file.h"

namespace gradus::policy {

/// What a checkpoint says of one tensor.
struct TensorInfo {
  std::string name;
  DType dtype = DType::F32;
  std::vector<int64_t> shape;  // row-major, outermost first, as in torch; [] is a scalar
  uint64_t num_elements = 0;
  uint64_t num_bytes = 0;
  uint64_t offset = 0;  // of its first byte in the file
};

/// Largest dimension accepted in any format.
inline constexpr int64_t kMaxDimension = int64_t{1} << 31;

/// Product of the dimensions; nothing on 64-bit overflow. [] gives 1.
std::optional<uint64_t> shape_elements(std::span<const int64_t> shape);

/// "[3, 512]".
std::string shape_text(std::span<const int64_t> shape);

/// What to do with NaN and infinite weights.
enum class NonFinite { refuse, allow };

/// Reads a whole tensor of `file` as float32, in pieces: no second copy is held. `checksum` (may
/// be null) is fed the raw bytes in order.
/// @throws gradus::FileError  checkpoint_truncated; inexact_weights.
/// @throws gradus::ArgumentError  out.size() != info.num_elements.
void read_tensor_f32(const MappedFile& file, const TensorInfo& info, std::span<float> out,
                     class Crc64* checksum);

/// @throws gradus::FileError  nonfinite_weights, naming the tensor, the first index and the value.
void check_finite(const std::string& path, std::string_view tensor, std::span<const float> values);

}  // namespace gradus::policy
