#pragma once

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// Rounds a matrix to 8-bit numbers under shared scales and back ("quantise-dequantise"): y is what
/// arithmetic on the 8-bit numbers would see. Every function takes x and y of one shape, float32 or
/// bf16 each; y may be x.
///
/// FP8 (DeepSeek-V3, arXiv:2412.19437, 3.3.2; E4M3, largest 448):
///
///   s = max|x| / 448 over a tile, y = E4M3(x / s) * s, to nearest with ties to even
///
/// in float32, then in y's type. A tile of zeros stays; one with a NaN or an infinity becomes NaN.
inline constexpr int kFp8Tile = 128;

/// Tiles of 1 x 128 along each row: inputs of a product that sums over columns. A row's result
/// depends on that row alone.
void round_fp8_rows(ThreadTeam& team, ConstMatrix x, Matrix y);

/// Tiles of 128 x 1 down each column: inputs of a product that sums over rows (weight gradients).
void round_fp8_columns(ThreadTeam& team, ConstMatrix x, Matrix y);

/// Blocks of 128 x 128: weights.
void round_fp8_blocks(ThreadTeam& team, ConstMatrix x, Matrix y);

/// INT8 with one scale per row: s = max|row| / 127, y = round(x / s) * s.
void round_int8_rows(ThreadTeam& team, ConstMatrix x, Matrix y);

}  // namespace gradus::policy::kernels
