#pragma once

#include <cstdint>

// Sixteen lanes in portable C++: plain arrays, which compilers turn into what the target has; see
// vector_avx512.h. Products and sums are rounded apart, so bits differ from the sets with FMA.
#define GRADUS_INLINE inline __attribute__((always_inline))

namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

constexpr int kLanes = 16;
constexpr int kGemmVectors = 1;
constexpr int kGemmRowsF32 = 2;
constexpr int kGemmRowsBf16 = 2;
constexpr int kAttendBlocks = 1;

struct F16 {
  float v[kLanes];
};

template <class Fn>
GRADUS_INLINE F16 each(Fn fn) {
  F16 y;
  for (int i = 0; i < kLanes; ++i) y.v[i] = fn(i);
  return y;
}

GRADUS_INLINE float float_of(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}
GRADUS_INLINE uint16_t bf16_of(float x) {
  uint32_t u;
  __builtin_memcpy(&u, &x, sizeof u);
  if (x != x) return static_cast<uint16_t>((u >> 16) | 0x40U);
  return static_cast<uint16_t>((u + 0x7fffU + ((u >> 16) & 1U)) >> 16);
}

GRADUS_INLINE F16 zero16() {
  return each([](int) { return 0.0F; });
}
GRADUS_INLINE F16 set16(float x) {
  return each([=](int) { return x; });
}
GRADUS_INLINE F16 load(const float* p) {
  return each([=](int i) { return p[i]; });
}
GRADUS_INLINE F16 load(const uint16_t* p) {
  return each([=](int i) { return float_of(static_cast<uint32_t>(p[i]) << 16); });
}
GRADUS_INLINE void store(float* p, F16 x) {
  for (int i = 0; i < kLanes; ++i) p[i] = x.v[i];
}
GRADUS_INLINE void store(uint16_t* p, F16 x) {
  for (int i = 0; i < kLanes; ++i) p[i] = bf16_of(x.v[i]);
}
GRADUS_INLINE void store_pairs(uint32_t* p, F16 even, F16 odd) {
  for (int i = 0; i < kLanes; ++i) {
    const uint16_t pair[2] = {bf16_of(even.v[i]), bf16_of(odd.v[i])};
    __builtin_memcpy(p + i, pair, sizeof pair);
  }
}

GRADUS_INLINE F16 add(F16 a, F16 b) {
  return each([&](int i) { return a.v[i] + b.v[i]; });
}
GRADUS_INLINE F16 sub(F16 a, F16 b) {
  return each([&](int i) { return a.v[i] - b.v[i]; });
}
GRADUS_INLINE F16 mul(F16 a, F16 b) {
  return each([&](int i) { return a.v[i] * b.v[i]; });
}
GRADUS_INLINE F16 div(F16 a, F16 b) {
  return each([&](int i) { return a.v[i] / b.v[i]; });
}
GRADUS_INLINE F16 fma(F16 a, F16 b, F16 c) {
  return each([&](int i) { return a.v[i] * b.v[i] + c.v[i]; });
}
GRADUS_INLINE F16 fnma(F16 a, F16 b, F16 c) {
  return each([&](int i) { return c.v[i] - a.v[i] * b.v[i]; });
}
GRADUS_INLINE F16 max16(F16 a, F16 b) {
  return each([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
}
GRADUS_INLINE F16 min16(F16 a, F16 b) {
  return each([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
}
GRADUS_INLINE F16 sqrt16(F16 a) {
  return each([&](int i) { return __builtin_sqrtf(a.v[i]); });
}
GRADUS_INLINE F16 scale_by_power(F16 y, F16 n) {
  return each([&](int i) {
    // A NaN has no whole part to convert; it passes through the product.
    const int whole = n.v[i] == n.v[i] ? static_cast<int>(n.v[i]) : 0;
    const int first = whole >> 1;
    const int second = whole - first;
    return y.v[i] * float_of(static_cast<uint32_t>(first + 127) << 23) *
           float_of(static_cast<uint32_t>(second + 127) << 23);
  });
}
GRADUS_INLINE F16 keep(F16 x, int64_t begin, int64_t end, F16 other) {
  return each([&](int i) { return i >= begin && i < end ? x.v[i] : other.v[i]; });
}
GRADUS_INLINE F16 zero_where_zero(F16 test, F16 x) {
  return each([&](int i) { return test.v[i] != 0.0F ? x.v[i] : 0.0F; });
}
GRADUS_INLINE float sum16(F16 x) {
  for (int step = 8; step > 0; step /= 2) {
    for (int i = 0; i < step; ++i) x.v[i] += x.v[i + step];
  }
  return x.v[0];
}
GRADUS_INLINE float largest16(F16 x) {
  float y = x.v[0];
  for (int i = 1; i < kLanes; ++i) y = x.v[i] > y ? x.v[i] : y;
  return y;
}

template <class E>
GRADUS_INLINE F16 load_n(const E* p, int64_t n) {
  if (n >= kLanes) return load(p);
  E lanes[kLanes] = {};
  for (int64_t i = 0; i < n; ++i) lanes[i] = p[i];
  return load(lanes);
}
template <class E>
GRADUS_INLINE void store_n(E* p, F16 x, int64_t n) {
  if (n >= kLanes) return store(p, x);
  E lanes[kLanes];
  store(lanes, x);
  for (int64_t i = 0; i < n; ++i) p[i] = lanes[i];
}
GRADUS_INLINE void store_units(uint32_t* p, const uint32_t* units, int64_t n) {
  for (int64_t i = 0; i < n; ++i) p[i] = units[i];
}

struct Pair {
  F16 even, odd;
};
GRADUS_INLINE Pair load_pair(const uint16_t* p) {
  Pair y;
  for (int i = 0; i < kLanes; ++i) {
    y.even.v[i] = float_of(static_cast<uint32_t>(p[2 * i]) << 16);
    y.odd.v[i] = float_of(static_cast<uint32_t>(p[2 * i + 1]) << 16);
  }
  return y;
}
GRADUS_INLINE Pair set_pair(const uint16_t* p) {
  return {set16(float_of(static_cast<uint32_t>(p[0]) << 16)),
          set16(float_of(static_cast<uint32_t>(p[1]) << 16))};
}
GRADUS_INLINE F16 dot(Pair a, Pair b, F16 c) {
  return fma(a.odd, b.odd, fma(a.even, b.even, c));
}

inline void transpose16(uint32_t (*t)[16]) {
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < i; ++j) {
      const uint32_t x = t[i][j];
      t[i][j] = t[j][i];
      t[j][i] = x;
    }
  }
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
