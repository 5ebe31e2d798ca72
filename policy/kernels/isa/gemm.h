#pragma once

// Microkernels of matrix products: a tile of rows x columns of C stays in registers while K runs
// from first to last, so that every element has one order of additions. Needs pack.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

GRADUS_INLINE void finish(const GemmArgs& g, int64_t row, int64_t column, F16 x) {
  if (g.store_partial) return store(g.partial + row * g.partial_stride + column, x);
  const int64_t n = g.columns - column;
  if (n <= 0) return;
  if (g.bias != nullptr) x = add(x, load_n(g.bias + column, n));
  if (g.c_type == Type::bf16) {
    return store_n(static_cast<uint16_t*>(g.c) + row * g.c_stride + column, x, n);
  }
  float* c = static_cast<float*>(g.c) + row * g.c_stride + column;
  store_n(c, g.accumulate ? add(load_n(c, n), x) : x, n);
}

/// Rows [row, row + R), and V vectors of columns in each of P panels from `panel`.
template <class S, int R, int V, int P>
void gemm_tile(const GemmArgs& g, int64_t row, int64_t panel, int first_vector) {
  const auto* a = static_cast<const uint32_t*>(g.a) + row * g.steps;
  const auto* b =
      reinterpret_cast<const uint32_t*>(static_cast<const char*>(g.b) + panel * g.panel_bytes) +
      first_vector * kLanes;
  const int64_t panel_units = g.panel_bytes / 4;
  const int64_t column = panel * kPanelColumns + first_vector * kLanes;
  F16 sum[R][P * V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < P * V; ++v) {
      sum[r][v] = zero16();
      if (g.load_partial) {
        sum[r][v] = load(g.partial + (row + r) * g.partial_stride + column + v / V * kPanelColumns +
                         v % V * kLanes);
      }
    }
  }
  for (int64_t k = 0; k < g.steps; ++k) {
    typename S::Operand columns[P * V];
#pragma GCC unroll 8
    for (int v = 0; v < P * V; ++v) {
      columns[v] = S::columns(b + v / V * panel_units + v % V * kLanes);
      // Few rows read the panel at the speed of memory: far enough ahead to hide its latency.
      if (R <= 4 && v % V == 0) {
        __builtin_prefetch(b + v / V * panel_units + 16 * kPanelColumns);
        if (V == 2) __builtin_prefetch(b + v / V * panel_units + 16 * kPanelColumns + kLanes);
      }
    }
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const typename S::Operand value = S::row(a + r);
#pragma GCC unroll 8
      for (int v = 0; v < P * V; ++v) sum[r][v] = S::dot_add(value, columns[v], sum[r][v]);
    }
    a += R;
    b += kPanelColumns;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 8
    for (int v = 0; v < P * V; ++v) {
      finish(g, row + r, column + v / V * kPanelColumns + v % V * kLanes, sum[r][v]);
    }
  }
}

/// gemm_tile for a number of rows known at run time, 1 to R.
template <class S, int R, int V, int P>
GRADUS_INLINE void gemm_rows(const GemmArgs& g, int64_t row, int64_t rows, int64_t panel,
                             int first) {
  if constexpr (R > 1) {
    if (rows < R) return gemm_rows<S, R - 1, V, P>(g, row, rows, panel, first);
  }
  gemm_tile<S, R, V, P>(g, row, panel, first);
}

template <class S, int P, int R>
void gemm_panels(const GemmArgs& g, RowTiles tiles, int64_t panel) {
  for (int first = 0; first < kPanelColumns / kLanes; first += kGemmVectors) {
    for (int64_t t = 0; t < tiles.tiles; ++t) {
      const int64_t begin = tiles.begin(t);
      gemm_rows<S, R, kGemmVectors, P>(g, begin, tiles.begin(t + 1) - begin, panel, first);
    }
  }
}

template <class S>
void gemm_as(const GemmArgs& g) {
  const RowTiles tiles = row_tiles<S>(g.rows);
  int64_t panel = 0;
  // Few rows have few sums: with several panels at once the adder's latency is hidden.
  if constexpr (kGemmVectors > 1) {
    if (g.rows == 1) {
      for (; panel + 4 <= g.panels; panel += 4) gemm_panels<S, 4, 1>(g, tiles, panel);
    }
    if (g.rows <= 4) {
      for (; panel + 2 <= g.panels; panel += 2) gemm_panels<S, 2, 4>(g, tiles, panel);
    }
  }
  for (; panel < g.panels; ++panel) gemm_panels<S, 1, S::kGemmRows>(g, tiles, panel);
}

void gemm(const GemmArgs& g, Type packed) {
  if (packed == Type::f32) {
    gemm_as<StepF32>(g);
  } else {
    gemm_as<StepBf16>(g);
  }
}

template <int R, int V>
void small_tile(const SmallGemmArgs& g, int64_t i, int64_t j) {
  const float* a = g.a + i * g.a_row;
  const float* b = g.b + j;
  float* c = g.c + i * g.c_stride + j;
  F16 sum[R][V];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) {
      sum[r][v] = g.accumulate ? load(c + r * g.c_stride + v * kLanes) : zero16();
    }
  }
  for (int64_t k = 0; k < g.k; ++k) {
    F16 columns[V];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) columns[v] = load(b + v * kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const F16 value = set16(a[r * g.a_row]);
#pragma GCC unroll 2
      for (int v = 0; v < V; ++v) sum[r][v] = fma(value, columns[v], sum[r][v]);
    }
    a += g.a_step;
    b += g.b_stride;
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) store(c + r * g.c_stride + v * kLanes, sum[r][v]);
  }
}

template <int R, int V>
GRADUS_INLINE void small_rows(const SmallGemmArgs& g, int64_t i, int64_t rows, int64_t j) {
  if constexpr (R > 1) {
    if (rows < R) return small_rows<R - 1, V>(g, i, rows, j);
  }
  small_tile<R, V>(g, i, j);
}

void small_gemm(const SmallGemmArgs& g) {
  constexpr int kRows = kGemmVectors > 1 ? 8 : kGemmRowsF32;
  for (int64_t i = 0; i < g.m; i += kRows) {
    const int64_t rows = g.m - i < kRows ? g.m - i : kRows;
    int64_t j = 0;
    if constexpr (kGemmVectors > 1) {
      for (; j + 2 * kLanes <= g.n; j += 2 * kLanes) small_rows<kRows, 2>(g, i, rows, j);
    }
    for (; j < g.n; j += kLanes) small_rows<kRows, 1>(g, i, rows, j);
  }
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
