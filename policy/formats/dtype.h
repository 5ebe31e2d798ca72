#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace gradus::policy {

/// How a tensor's elements lie in a file: safetensors' dtypes, then GGUF's block types.
enum class DType : uint8_t {
  BOOL,
  U8,
  I8,
  U16,
  I16,
  F16,
  BF16,
  U32,
  I32,
  F32,
  U64,
  I64,
  F64,
  F8_E4M3,
  F8_E5M2,
  F8_E8M0,
  C64,
  Q4_0,
  Q4_1,
  Q5_0,
  Q5_1,
  Q8_0,
  Q2_K,
  Q3_K,
  Q4_K,
  Q5_K,
  Q6_K,
};

/// "F32", "Q4_K": as the formats spell it.
std::string_view dtype_name(DType dtype);

/// Whether the elements are real numbers in floating point, or blocks that stand for such; false:
/// whole numbers, truth values and complex numbers.
bool is_floating(DType dtype);

/// Elements and bytes of one block; plain dtypes have blocks of one element.
uint64_t dtype_block_elements(DType dtype);
uint64_t dtype_block_bytes(DType dtype);

/// Bytes of `num_elements` elements; nothing when they overflow 64 bits or end inside a block.
std::optional<uint64_t> dtype_num_bytes(DType dtype, uint64_t num_elements);

/// The dtype a safetensors header names; nothing for names it does not know (sub-byte F4, F6).
std::optional<DType> dtype_from_safetensors(std::string_view name);

/// "BOOL, U8, ..., C64": what dtype_from_safetensors knows, for messages.
std::string safetensors_dtype_names();

/// Widens elements to float32. Every value of at most 32 bits in floating point is exact, NaN
/// payloads included; blocks are multiplied out in float32 in the order ggml writes them.
///
/// @param bytes  dtype_num_bytes(dtype, out.size()) bytes, little-endian, any alignment.
/// @return       the first element that float32 cannot hold (a wide integer or F64 that would be
///               rounded, or complex numbers); nothing when all are exact.
std::optional<size_t> convert_to_f32(DType dtype, std::span<const std::byte> bytes,
                                     std::span<float> out);

/// Narrows float32, to nearest with ties to even. Q8_0 quantises as llama.cpp's reference does.
///
/// @param dtype  F32, F16, BF16 or Q8_0 (then values.size() is a multiple of 32).
/// @return       the first finite value that became infinite; nothing when none did.
/// @throws gradus::ArgumentError  any other dtype.
std::optional<size_t> convert_from_f32(DType dtype, std::span<const float> values,
                                       std::span<std::byte> out);

}  // namespace gradus::policy
