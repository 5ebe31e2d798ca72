#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>

namespace gradus::policy {

/// A matrix [R, C] held as E4M3 numbers under scales of tiles of `rows` x 128, on the device's own
/// FP8 units: DeepSeek-V3's 3.3.2 with LibTorch's _scaled_mm. Padded with zeros to whole tiles of
/// columns and to a multiple of 16 rows, as _scaled_mm wants.
struct Fp8Matrix {
  at::Tensor codes;   ///< [R', C'] float8_e4m3fn, row-major
  at::Tensor scales;  ///< [R', C' / 128] float32: a tile's scale, once per row
  int64_t rows = 0;   ///< R
  int64_t cols = 0;   ///< C
};

/// @param x          [R, C] float32 or bfloat16.
/// @param tile_rows  1 for inputs, 128 for weights.
Fp8Matrix to_fp8(const at::Tensor& x, int64_t tile_rows);

/// A B^T [R of a, R of b] float32, for a [R, C] and b [N, C]: the partial sums of each 128 columns
/// are multiplied by both tiles' scales and added in float32, as V3 promotes them (its 3.3.2).
at::Tensor fp8_product(const Fp8Matrix& a, const Fp8Matrix& b);

/// @throws gradus::ConfigError  the device or this LibTorch has no FP8 product: names what it says.
void check_fp8_products(at::Device device);

}  // namespace gradus::policy
