#include "policy/kernels/rounding.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "policy/kernels/matrix_rows.h"

namespace gradus::policy::kernels {
namespace {

constexpr float kLargestFp8 = 448.0F;
constexpr float kLargestInt8 = 127.0F;

void check_pair(const char* where, ConstMatrix x, ConstMatrix y) {
  if (x.rows == y.rows && x.cols == y.cols) return;
  throw ArgumentError(std::string(where) + ": x is [" + std::to_string(x.rows) + ", " +
                      std::to_string(x.cols) + "], y is [" + std::to_string(y.rows) + ", " +
                      std::to_string(y.cols) + "]");
}

/// Never 0 or subnormal, where x / s could overflow; NaN where a value is not finite.
float scale_of(float largest, float largest_code) {
  if (!(largest <= std::numeric_limits<float>::max())) {
    return std::numeric_limits<float>::quiet_NaN();
  }
  return std::max(largest / largest_code, std::numeric_limits<float>::min());
}

/// fn(row, column, width) on the tiles of every row.
template <class Fn>
void each_row_tile(ThreadTeam& team, int64_t rows, int64_t cols, Fn fn) {
  const int64_t grain = 1 + kGrainValues / std::max<int64_t>(1, cols);
  team.for_range(rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      for (int64_t c = 0; c < cols; c += kFp8Tile) fn(r, c, std::min<int64_t>(kFp8Tile, cols - c));
    }
  });
}

/// fn(row, height, column, width) on blocks of 128 x 128.
template <class Fn>
void each_block(ThreadTeam& team, int64_t rows, int64_t cols, Fn fn) {
  const int64_t down = (rows + kFp8Tile - 1) / kFp8Tile;
  const int64_t across = (cols + kFp8Tile - 1) / kFp8Tile;
  team.for_range(down * across, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const int64_t r = b / across * kFp8Tile;
      const int64_t c = b % across * kFp8Tile;
      fn(r, std::min<int64_t>(kFp8Tile, rows - r), c, std::min<int64_t>(kFp8Tile, cols - c));
    }
  });
}

}  // namespace

void round_fp8_rows(ThreadTeam& team, ConstMatrix x, Matrix y) {
  check_pair("round_fp8_rows", x, y);
  const KernelTable& k = kernels();
  each_row_tile(team, x.rows, x.cols, [&](int64_t r, int64_t c, int64_t width) {
    const float scale = scale_of(k.max_magnitude(at(x, r, c), x.type, width), kLargestFp8);
    k.round_fp8(at(x, r, c), x.type, at(y, r, c), y.type, width, scale);
  });
}

void round_fp8_columns(ThreadTeam& team, ConstMatrix x, Matrix y) {
  check_pair("round_fp8_columns", x, y);
  const KernelTable& k = kernels();
  each_block(team, x.rows, x.cols, [&](int64_t r, int64_t height, int64_t c, int64_t width) {
    uint32_t largest[kFp8Tile] = {};
    for (int64_t i = 0; i < height; ++i) {
      k.max_magnitudes(at(x, r + i, c), x.type, width, largest);
    }
    float scales[kFp8Tile];
    for (int i = 0; i < kFp8Tile; ++i) {
      scales[i] = scale_of(std::bit_cast<float>(largest[i]), kLargestFp8);
    }
    for (int64_t i = 0; i < height; ++i) {
      k.round_fp8_columns(at(x, r + i, c), x.type, at(y, r + i, c), y.type, width, scales);
    }
  });
}

void round_fp8_blocks(ThreadTeam& team, ConstMatrix x, Matrix y) {
  check_pair("round_fp8_blocks", x, y);
  const KernelTable& k = kernels();
  each_block(team, x.rows, x.cols, [&](int64_t r, int64_t height, int64_t c, int64_t width) {
    uint32_t largest = 0;  // as bits, so that a NaN is the largest
    for (int64_t i = 0; i < height; ++i) {
      largest = std::max(largest,
                         std::bit_cast<uint32_t>(k.max_magnitude(at(x, r + i, c), x.type, width)));
    }
    const float scale = scale_of(std::bit_cast<float>(largest), kLargestFp8);
    for (int64_t i = 0; i < height; ++i) {
      k.round_fp8(at(x, r + i, c), x.type, at(y, r + i, c), y.type, width, scale);
    }
  });
}

void round_int8_rows(ThreadTeam& team, ConstMatrix x, Matrix y) {
  check_pair("round_int8_rows", x, y);
  const KernelTable& k = kernels();
  const int64_t grain = 1 + kGrainValues / std::max<int64_t>(1, x.cols);
  team.for_range(x.rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const float scale = scale_of(k.max_magnitude(at(x, r), x.type, x.cols), kLargestInt8);
      k.round_int8(at(x, r), x.type, at(y, r), y.type, x.cols, scale);
    }
  });
}

}  // namespace gradus::policy::kernels
