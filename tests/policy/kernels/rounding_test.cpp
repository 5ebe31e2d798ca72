#include "policy/kernels/rounding.h"

#include <limits>

#include "base/error.h"
#include "policy/formats/float_bits.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;
using gradus::policy::f32_to_f8_e4m3;
using gradus::policy::f8_e4m3_to_f32;

namespace {

enum class Tiles { rows, columns, blocks };

/// By the definition: a tile's scale, then each value through the bits of an E4M3 number.
Grid rounded(const Grid& x, Tiles tiles) {
  const int64_t height = tiles == Tiles::rows ? 1 : kFp8Tile;
  const int64_t width = tiles == Tiles::columns ? 1 : kFp8Tile;
  Grid y(x.num_rows(), x.num_cols());
  const auto each_in_tile = [&](int64_t top, int64_t left, auto fn) {
    for (int64_t r = top; r < std::min(x.num_rows(), top + height); ++r) {
      for (int64_t c = left; c < std::min(x.num_cols(), left + width); ++c) fn(r, c);
    }
  };
  for (int64_t top = 0; top < x.num_rows(); top += height) {
    for (int64_t left = 0; left < x.num_cols(); left += width) {
      float largest = 0.0F;
      each_in_tile(top, left, [&](int64_t r, int64_t c) {
        largest = std::max(largest, std::fabs(static_cast<float>(x.get(r, c))));
      });
      const float scale = largest / 448.0F;
      each_in_tile(top, left, [&](int64_t r, int64_t c) {
        const auto value = static_cast<float>(x.get(r, c));
        y.set(r, c, scale == 0.0F ? 0.0F : f8_e4m3_to_f32(f32_to_f8_e4m3(value / scale)) * scale);
      });
    }
  }
  return y;
}

/// Values of very different sizes, so that tiles have subnormal codes as well.
Grid wide_grid(int64_t rows, int64_t cols) {
  Grid x = Grid::random(rows, cols, 5, Type::f32, 3);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) {
      x.set(r, c,
            static_cast<float>(std::ldexp(x.get(r, c), static_cast<int>((r * 7 + c) % 19) - 9)));
    }
  }
  return x;
}

void check_equal(const Grid& a, const Grid& b) {
  int64_t differing = 0;
  for (int64_t r = 0; r < a.num_rows(); ++r) {
    for (int64_t c = 0; c < a.num_cols(); ++c) differing += a.get(r, c) != b.get(r, c) ? 1 : 0;
  }
  CHECK(differing == 0);
}

}  // namespace

TEST_CASE("tiles and blocks are rounded as their FP8 codes would be", "[kernels][rounding]") {
  with_every_instruction_set([&] {
    for (int threads : {1, 3}) {
      ThreadTeam team(threads);
      for (auto [rows, cols] :
           {std::pair<int64_t, int64_t>{1, 1}, {5, 128}, {129, 300}, {260, 17}}) {
        const Grid x = wide_grid(rows, cols);
        Grid y(rows, cols);
        round_fp8_rows(team, x.view(), y.view());
        check_equal(y, rounded(x, Tiles::rows));
        round_fp8_columns(team, x.view(), y.view());
        check_equal(y, rounded(x, Tiles::columns));
        round_fp8_blocks(team, x.view(), y.view());
        check_equal(y, rounded(x, Tiles::blocks));
      }
    }
  });
}

TEST_CASE("a tile of zeros stays, and one with a NaN is seen", "[kernels][rounding]") {
  ThreadTeam team(1);
  with_every_instruction_set([&] {
    Grid x(2, 256);
    for (int64_t r = 0; r < 2; ++r) {
      for (int64_t c = 0; c < 256; ++c) x.set(r, c, c < 128 ? 0.0F : 1.0F);
    }
    x.set(1, 200, std::numeric_limits<float>::infinity());
    round_fp8_rows(team, x.view(), x.view());  // in place
    CHECK((x.get(0, 3) == 0.0 && x.get(0, 200) == 1.0));
    CHECK((x.get(1, 3) == 0.0 && std::isnan(x.get(1, 130))));
  });
}

TEST_CASE("bf16 rows are rounded in float32 and once more to bf16", "[kernels][rounding]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    const Grid x = Grid::random(4, 200, 9, Type::bf16);
    Grid y(4, 200, Type::bf16);
    round_fp8_rows(team, x.view(), y.view());
    const Grid exact = rounded(x, Tiles::rows);
    CHECK(distance(y, exact) < tolerance(Type::bf16, 0));
  });
}

TEST_CASE("INT8 rows are whole multiples of their scale", "[kernels][rounding]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    const Grid x = Grid::random(7, 150, 4);
    Grid y(7, 150);
    round_int8_rows(team, x.view(), y.view());
    for (int64_t r = 0; r < 7; ++r) {
      float largest = 0.0F;
      for (int64_t c = 0; c < 150; ++c) {
        largest = std::max(largest, std::fabs(static_cast<float>(x.get(r, c))));
      }
      const float scale = largest / 127.0F;
      for (int64_t c = 0; c < 150; ++c) {
        const auto value = static_cast<float>(x.get(r, c));
        CHECK(y.get(r, c) == std::nearbyint(value / scale) * scale);
      }
    }
  });
}
