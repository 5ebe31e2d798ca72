#pragma once

#include <cstddef>
#include <cstdint>

#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// Where element (row, col) of a matrix of either type lies; unchecked.
inline const std::byte* at(ConstMatrix m, int64_t row, int64_t col = 0) {
  return static_cast<const std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}
inline std::byte* at(Matrix m, int64_t row, int64_t col = 0) {
  return static_cast<std::byte*>(m.data) + (row * m.stride + col) * bytes_of(m.type);
}

/// A row of a float32 matrix; unchecked.
inline const float* float_row(ConstMatrix m, int64_t row) {
  return static_cast<const float*>(m.data) + row * m.stride;
}
inline float* float_row(Matrix m, int64_t row) {
  return static_cast<float*>(m.data) + row * m.stride;
}

/// Values below which another thread costs more than it brings.
inline constexpr int64_t kGrainValues = 8192;

/// The least multiple of 16 at or above n: whole vectors of floats.
constexpr int64_t padded(int64_t n) {
  return (n + 15) / 16 * 16;
}

}  // namespace gradus::policy::kernels
