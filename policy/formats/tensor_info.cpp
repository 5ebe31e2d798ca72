#include "policy/formats/tensor_info.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "policy/formats/crc64.h"
#include "policy/formats/float_bits.h"

namespace gradus::policy {

std::optional<uint64_t> shape_elements(std::span<const int64_t> shape) {
  uint64_t product = 1;
  for (const int64_t dimension : shape) {
    if (dimension < 0 ||
        __builtin_mul_overflow(product, static_cast<uint64_t>(dimension), &product))
      return std::nullopt;
  }
  return product;
}

std::string shape_text(std::span<const int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

void read_tensor_f32(const MappedFile& file, const TensorInfo& info, std::span<float> out,
                     Crc64* checksum) {
  if (out.size() != info.num_elements) {
    throw ArgumentError(fmt::format("{}: {} has {} elements, the caller gave room for {}",
                                    file.path().string(), info.name, info.num_elements,
                                    out.size()));
  }
  // Large enough to amortise the call, small enough to stay in cache.
  constexpr uint64_t kPieceBytes = 256 * 1024;
  const uint64_t block_bytes = dtype_block_bytes(info.dtype);
  const uint64_t block_elements = dtype_block_elements(info.dtype);
  const uint64_t piece_blocks = kPieceBytes / block_bytes;
  const uint64_t num_blocks = info.num_bytes / block_bytes;
  std::vector<std::byte> piece(std::min(piece_blocks, num_blocks) * block_bytes);
  for (uint64_t block = 0; block < num_blocks; block += piece_blocks) {
    const uint64_t blocks = std::min(piece_blocks, num_blocks - block);
    const auto bytes = std::span(piece).first(blocks * block_bytes);
    file.read(info.offset + block * block_bytes, bytes);
    if (checksum != nullptr) checksum->update(bytes);
    const auto values = out.subspan(block * block_elements, blocks * block_elements);
    if (const auto inexact = convert_to_f32(info.dtype, bytes, values)) {
      throw FileError(file.path().string(), "inexact_weights",
                      fmt::format("{}[{}] is of dtype {} and has no exact float32", info.name,
                                  block * block_elements + *inexact, dtype_name(info.dtype)));
    }
  }
}

void check_finite(const std::string& path, std::string_view tensor, std::span<const float> values) {
  // Counted without branches first, so that the usual case is one pass of vector code.
  size_t bad = 0;
  for (const float v : values) bad += is_finite_bits(v) ? 0 : 1;
  if (bad == 0) return;
  const auto first = std::find_if_not(values.begin(), values.end(), is_finite_bits);
  throw FileError(path, "nonfinite_weights",
                  fmt::format("{}[{}] is {} ({} of its {} values are not finite). Weights must be "
                              "finite; allow_nonfinite loads them all the same",
                              tensor, first - values.begin(), *first, bad, values.size()));
}

}  // namespace gradus::policy
