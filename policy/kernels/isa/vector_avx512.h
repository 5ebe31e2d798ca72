#pragma once

#include <immintrin.h>

#include <cstdint>

// Sixteen lanes on AVX-512. Every instruction set has these types and functions, so that the
// kernels are written once and their lane layout, hence their order of additions, is the same.
#define GRADUS_INLINE inline __attribute__((always_inline))

namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

constexpr int kLanes = 16;
// Accumulators of the microkernels: rows x vectors of 16 columns must fit the registers.
constexpr int kGemmVectors = 2;
constexpr int kGemmRowsF32 = 12;
constexpr int kGemmRowsBf16 = 12;
constexpr int kAttendBlocks = 4;

struct F16 {
  __m512 v;
};

GRADUS_INLINE __mmask16 first_lanes(int64_t n) {
  return static_cast<__mmask16>(n >= kLanes ? 0xffffU : n > 0 ? (1U << n) - 1U : 0U);
}

GRADUS_INLINE F16 zero16() {
  return {_mm512_setzero_ps()};
}
GRADUS_INLINE F16 set16(float x) {
  return {_mm512_set1_ps(x)};
}
GRADUS_INLINE F16 load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
GRADUS_INLINE F16 load_n(const float* p, int64_t n) {
  return {_mm512_maskz_loadu_ps(first_lanes(n), p)};
}
GRADUS_INLINE void store(float* p, F16 x) {
  _mm512_storeu_ps(p, x.v);
}
GRADUS_INLINE void store_n(float* p, F16 x, int64_t n) {
  _mm512_mask_storeu_ps(p, first_lanes(n), x.v);
}

GRADUS_INLINE F16 add(F16 a, F16 b) {
  return {_mm512_add_ps(a.v, b.v)};
}
GRADUS_INLINE F16 sub(F16 a, F16 b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
GRADUS_INLINE F16 mul(F16 a, F16 b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
GRADUS_INLINE F16 div(F16 a, F16 b) {
  return {_mm512_div_ps(a.v, b.v)};
}
/// a b + c
GRADUS_INLINE F16 fma(F16 a, F16 b, F16 c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
/// c - a b
GRADUS_INLINE F16 fnma(F16 a, F16 b, F16 c) {
  return {_mm512_fnmadd_ps(a.v, b.v, c.v)};
}
/// The second where either is NaN.
GRADUS_INLINE F16 max16(F16 a, F16 b) {
  return {_mm512_max_ps(a.v, b.v)};
}
GRADUS_INLINE F16 min16(F16 a, F16 b) {
  return {_mm512_min_ps(a.v, b.v)};
}
GRADUS_INLINE F16 sqrt16(F16 a) {
  return {_mm512_sqrt_ps(a.v)};
}
/// y 2^n for integral n.
GRADUS_INLINE F16 scale_by_power(F16 y, F16 n) {
  return {_mm512_scalef_ps(y.v, n.v)};
}

/// x in lanes [begin, end), `other` elsewhere.
GRADUS_INLINE F16 keep(F16 x, int64_t begin, int64_t end, F16 other) {
  const auto mask = static_cast<__mmask16>(first_lanes(end) & ~first_lanes(begin));
  return {_mm512_mask_mov_ps(other.v, mask, x.v)};
}
/// x, but zero where `test` is zero.
GRADUS_INLINE F16 zero_where_zero(F16 test, F16 x) {
  return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(test.v, _mm512_setzero_ps(), _CMP_NEQ_UQ), x.v)};
}

/// Halves are added until one lane is left: lane i meets i + 8, then i + 4, i + 2, i + 1.
GRADUS_INLINE float sum16(F16 x) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(x.v), _mm512_extractf32x8_ps(x.v, 1));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
GRADUS_INLINE float largest16(F16 x) {
  return _mm512_reduce_max_ps(x.v);
}

GRADUS_INLINE __m512i bf16_bits(F16 x) {
  const __m512i u = _mm512_castps_si512(x.v);
  const __m512i high = _mm512_srli_epi32(u, 16);
  const __m512i odd = _mm512_and_si512(high, _mm512_set1_epi32(1));
  const __m512i rounded =
      _mm512_srli_epi32(_mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd), 16);
  const __mmask16 nan = _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q);
  return _mm512_mask_or_epi32(rounded, nan, high, _mm512_set1_epi32(0x40));
}
GRADUS_INLINE F16 from_bf16(__m256i x) {
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(x), 16))};
}
GRADUS_INLINE F16 load(const uint16_t* p) {
  return from_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
GRADUS_INLINE F16 load_n(const uint16_t* p, int64_t n) {
  return from_bf16(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}
GRADUS_INLINE void store(uint16_t* p, F16 x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(bf16_bits(x)));
}
GRADUS_INLINE void store_n(uint16_t* p, F16 x, int64_t n) {
  _mm512_mask_cvtepi32_storeu_epi16(p, first_lanes(n), bf16_bits(x));
}
/// Thirty-two bf16: (even_0, odd_0, even_1, odd_1, ...).
GRADUS_INLINE void store_pairs(uint32_t* p, F16 even, F16 odd) {
  _mm512_storeu_si512(p, _mm512_or_si512(bf16_bits(even), _mm512_slli_epi32(bf16_bits(odd), 16)));
}
GRADUS_INLINE void store_units(uint32_t* p, const uint32_t* units, int64_t n) {
  _mm512_mask_storeu_epi32(p, first_lanes(n), _mm512_loadu_si512(units));
}

#if defined(__AVX512BF16__)
struct Pair {
  __m512bh v;
};
GRADUS_INLINE Pair load_pair(const uint16_t* p) {
  return {(__m512bh)_mm512_loadu_si512(p)};
}
GRADUS_INLINE Pair set_pair(const uint16_t* p) {
  int bits;
  __builtin_memcpy(&bits, p, sizeof bits);
  return {(__m512bh)_mm512_set1_epi32(bits)};
}
GRADUS_INLINE F16 dot(Pair a, Pair b, F16 c) {
  return {_mm512_dpbf16_ps(c.v, a.v, b.v)};
}
#else
struct Pair {
  F16 even, odd;
};
GRADUS_INLINE Pair split_pair(__m512i x) {
  return {{_mm512_castsi512_ps(_mm512_slli_epi32(x, 16))},
          {_mm512_castsi512_ps(_mm512_and_si512(x, _mm512_set1_epi32(-65536)))}};
}
GRADUS_INLINE Pair load_pair(const uint16_t* p) {
  return split_pair(_mm512_loadu_si512(p));
}
GRADUS_INLINE Pair set_pair(const uint16_t* p) {
  int bits;
  __builtin_memcpy(&bits, p, sizeof bits);
  return split_pair(_mm512_set1_epi32(bits));
}
GRADUS_INLINE F16 dot(Pair a, Pair b, F16 c) {
  return fma(a.odd, b.odd, fma(a.even, b.even, c));
}
#endif

// Four rounds that each exchange blocks of 8, 4, 2 and 1 lanes between rows that far apart.
inline void transpose16(uint32_t (*t)[16]) {
  __m512i r[16], s[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) r[i] = _mm512_load_si512(t[i]);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    s[i] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0x88);
    s[i + 4] = _mm512_shuffle_i32x4(r[i], r[i + 4], 0xdd);
    s[i + 8] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0x88);
    s[i + 12] = _mm512_shuffle_i32x4(r[i + 8], r[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    _mm512_store_si512(t[i], _mm512_shuffle_i32x4(s[i], s[i + 8], 0x88));
    _mm512_store_si512(t[i + 8], _mm512_shuffle_i32x4(s[i], s[i + 8], 0xdd));
    _mm512_store_si512(t[i + 4], _mm512_shuffle_i32x4(s[i + 4], s[i + 12], 0x88));
    _mm512_store_si512(t[i + 12], _mm512_shuffle_i32x4(s[i + 4], s[i + 12], 0xdd));
  }
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
