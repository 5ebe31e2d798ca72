#pragma once

// Rearranging both operands of matrix products into 4-byte units. Needs elements.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

/// Units [u, u + 16) of a row of `k` elements; zero past its end.
template <class S, class W>
GRADUS_INLINE void row_units(uint32_t* out, const W* row, int64_t u, int64_t k) {
  auto* elements = reinterpret_cast<typename S::Element*>(out);
  for (int half = 0; half < S::kDepth; ++half) {
    const int64_t i = u * S::kDepth + half * kLanes;
    const int64_t left = k - i;
    store(elements + half * kLanes, left > 0 ? load_n(row + i, left) : zero16());
  }
}

/// Unit u of `n` neighbouring columns of a matrix with rows of K.
template <class S, class W>
GRADUS_INLINE void column_units(uint32_t* out, const W* w, int64_t stride, int64_t u, int64_t k,
                                int64_t n) {
  const W* row = w + u * S::kDepth * stride;
  if constexpr (S::kDepth == 1) {
    store(reinterpret_cast<float*>(out), load_n(row, n));
  } else {
    store_pairs(out, load_n(row, n), 2 * u + 1 < k ? load_n(row + stride, n) : zero16());
  }
}

template <class S, class W>
void pack_panel_as(const PackArgs& p) {
  const auto* w = static_cast<const W*>(p.w);
  auto* out = static_cast<uint32_t*>(p.out);
  const int64_t steps = (p.k + S::kDepth - 1) / S::kDepth;
  alignas(64) uint32_t tile[kLanes][kLanes];
  for (int half = 0; half < kPanelColumns; half += kLanes) {
    const int64_t columns = p.columns - half < kLanes ? p.columns - half : kLanes;
    if (!p.row_is_output) {
      for (int64_t u = 0; u < steps; ++u) {
        if (columns > 0) {
          column_units<S>(tile[0], w + half, p.stride, u, p.k, columns);
        } else {
          store(reinterpret_cast<float*>(tile[0]), zero16());
        }
        store_units(out + u * kPanelColumns + half, tile[0], kLanes);
      }
      continue;
    }
    for (int64_t u = 0; u < steps; u += kLanes) {
      for (int64_t c = 0; c < kLanes; ++c) {
        if (c < columns) {
          row_units<S>(tile[c], w + (half + c) * p.stride, u, p.k);
        } else {
          store(reinterpret_cast<float*>(tile[c]), zero16());
        }
      }
      transpose16(tile);
      for (int64_t i = 0; i < kLanes && u + i < steps; ++i) {
        store_units(out + (u + i) * kPanelColumns + half, tile[i], kLanes);
      }
    }
  }
}

void pack_panel(const PackArgs& p) {
  with_step(p.packed, [&](auto step) {
    if (p.type == Type::f32) {
      pack_panel_as<decltype(step), float>(p);
    } else {
      pack_panel_as<decltype(step), uint16_t>(p);
    }
  });
}

/// Rows are cut into tiles as equal as can be, so that none is left with a row or two.
struct RowTiles {
  int64_t rows, tiles;
  GRADUS_INLINE int64_t begin(int64_t i) const { return rows * i / tiles; }
};
template <class S>
GRADUS_INLINE RowTiles row_tiles(int64_t rows) {
  return {rows, (rows + S::kGemmRows - 1) / S::kGemmRows};
}

template <class S, class W>
void pack_tile(const PackRowsArgs& p, int64_t row, int64_t rows, uint32_t* out) {
  const auto* a = static_cast<const W*>(p.a);
  const int64_t steps = (p.k + S::kDepth - 1) / S::kDepth;
  alignas(64) uint32_t tile[kLanes][kLanes];
  if (p.transposed) {
    for (int64_t u = 0; u < steps; ++u) {
      column_units<S>(tile[0], a + row, p.stride, u, p.k, rows);
      store_units(out + u * rows, tile[0], rows);
    }
    return;
  }
  for (int64_t u = 0; u < steps; u += kLanes) {
    for (int64_t r = 0; r < rows; ++r) row_units<S>(tile[r], a + (row + r) * p.stride, u, p.k);
    const int64_t count = steps - u < kLanes ? steps - u : kLanes;
    if (rows == 1) {
      store_units(out + u, tile[0], count);
      continue;
    }
    transpose16(tile);
    for (int64_t i = 0; i < count; ++i) store_units(out + (u + i) * rows, tile[i], rows);
  }
}

template <class S, class W>
void pack_rows_as(const PackRowsArgs& p) {
  const int64_t steps = (p.k + S::kDepth - 1) / S::kDepth;
  const RowTiles tiles = row_tiles<S>(p.rows);
  for (int64_t t = 0; t < tiles.tiles; ++t) {
    const int64_t begin = tiles.begin(t);
    pack_tile<S, W>(p, begin, tiles.begin(t + 1) - begin,
                    static_cast<uint32_t*>(p.out) + begin * steps);
  }
}

void pack_rows(const PackRowsArgs& p) {
  with_step(p.packed, [&](auto step) {
    if (p.type == Type::f32) {
      pack_rows_as<decltype(step), float>(p);
    } else {
      pack_rows_as<decltype(step), uint16_t>(p);
    }
  });
}

void transpose(const float* x, int64_t x_stride, int64_t rows, int64_t cols, float* out,
               int64_t out_stride) {
  alignas(64) uint32_t tile[kLanes][kLanes];
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int64_t height = rows - r < kLanes ? rows - r : kLanes;
    each_16(cols, [&](int64_t c, int64_t width) {
      for (int64_t i = 0; i < height; ++i) {
        store(reinterpret_cast<float*>(tile[i]), load_n(x + (r + i) * x_stride + c, width));
      }
      transpose16(tile);
      for (int64_t i = 0; i < width; ++i) {
        store_units(reinterpret_cast<uint32_t*>(out + (c + i) * out_stride + r), tile[i], height);
      }
    });
  }
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
