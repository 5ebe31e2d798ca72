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

/// The least multiple of 16 at or above n: whole vectors of floats.
constexpr int64_t padded(int64_t n) {
  return (n + 15) / 16 * 16;
}

}  // namespace gradus::policy::kernels
