#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "policy/formats/dtype.h"

namespace gradus::policy {

/// Multiplies out ggml's quantised blocks into float32, bit for bit as gguf-py does: products and
/// sums in float32, in the order of ggml's reference.
///
/// @param dtype  Q4_0, Q4_1, Q5_0, Q5_1, Q8_0 or Q2_K to Q6_K.
/// @param bytes  whole blocks.
/// @param out    as many elements as the blocks hold.
void dequantise_blocks(DType dtype, std::span<const std::byte> bytes, std::span<float> out);

/// Q8_0 as llama.cpp's reference: d = max|x| / 127 stored as F16, q = round(x / d), halves away
/// from zero. Returns the first element of a block whose d overflows F16, if any.
std::optional<size_t> quantise_q8_0(std::span<const float> values, std::span<std::byte> out);

}  // namespace gradus::policy
