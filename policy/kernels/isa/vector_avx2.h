#pragma once

#include <immintrin.h>

#include <cstdint>

// Sixteen lanes on AVX2 with FMA: two halves of eight; see vector_avx512.h.
#define GRADUS_INLINE inline __attribute__((always_inline))

namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

constexpr int kLanes = 16;
constexpr int kGemmVectors = 1;
constexpr int kGemmRowsF32 = 6;
constexpr int kGemmRowsBf16 = 4;
constexpr int kAttendBlocks = 1;

struct F16 {
  __m256 a, b;
};

GRADUS_INLINE F16 zero16() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
GRADUS_INLINE F16 set16(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
GRADUS_INLINE F16 load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
GRADUS_INLINE void store(float* p, F16 x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}

GRADUS_INLINE F16 add(F16 x, F16 y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
GRADUS_INLINE F16 sub(F16 x, F16 y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
GRADUS_INLINE F16 mul(F16 x, F16 y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
GRADUS_INLINE F16 div(F16 x, F16 y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
GRADUS_INLINE F16 fma(F16 x, F16 y, F16 z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
GRADUS_INLINE F16 fnma(F16 x, F16 y, F16 z) {
  return {_mm256_fnmadd_ps(x.a, y.a, z.a), _mm256_fnmadd_ps(x.b, y.b, z.b)};
}
GRADUS_INLINE F16 max16(F16 x, F16 y) {
  return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
GRADUS_INLINE F16 min16(F16 x, F16 y) {
  return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
GRADUS_INLINE F16 sqrt16(F16 x) {
  return {_mm256_sqrt_ps(x.a), _mm256_sqrt_ps(x.b)};
}

// In two factors, as 2^n itself leaves the range where y 2^n does not; only the last rounds.
GRADUS_INLINE __m256 scale_by_power8(__m256 y, __m256 n) {
  const __m256i whole = _mm256_cvtps_epi32(n);
  const __m256i first = _mm256_srai_epi32(whole, 1);
  const __m256i second = _mm256_sub_epi32(whole, first);
  const __m256i bias = _mm256_set1_epi32(127);
  const __m256i p = _mm256_slli_epi32(_mm256_add_epi32(first, bias), 23);
  const __m256i q = _mm256_slli_epi32(_mm256_add_epi32(second, bias), 23);
  return _mm256_mul_ps(_mm256_mul_ps(y, _mm256_castsi256_ps(p)), _mm256_castsi256_ps(q));
}
GRADUS_INLINE F16 scale_by_power(F16 y, F16 n) {
  return {scale_by_power8(y.a, n.a), scale_by_power8(y.b, n.b)};
}

GRADUS_INLINE __m256 lanes_between(int lane, int64_t begin, int64_t end) {
  const __m256i at =
      _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(lane));
  const int low = static_cast<int>(begin < 0 ? 0 : begin > 16 ? 16 : begin);
  const int high = static_cast<int>(end < 0 ? 0 : end > 16 ? 16 : end);
  return _mm256_castsi256_ps(_mm256_andnot_si256(_mm256_cmpgt_epi32(_mm256_set1_epi32(low), at),
                                                 _mm256_cmpgt_epi32(_mm256_set1_epi32(high), at)));
}
GRADUS_INLINE F16 keep(F16 x, int64_t begin, int64_t end, F16 other) {
  return {_mm256_blendv_ps(other.a, x.a, lanes_between(0, begin, end)),
          _mm256_blendv_ps(other.b, x.b, lanes_between(8, begin, end))};
}
GRADUS_INLINE F16 zero_where_zero(F16 test, F16 x) {
  const __m256 zero = _mm256_setzero_ps();
  return {_mm256_and_ps(_mm256_cmp_ps(test.a, zero, _CMP_NEQ_UQ), x.a),
          _mm256_and_ps(_mm256_cmp_ps(test.b, zero, _CMP_NEQ_UQ), x.b)};
}

GRADUS_INLINE float sum16(F16 x) {
  const __m256 a = _mm256_add_ps(x.a, x.b);
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
GRADUS_INLINE float largest16(F16 x) {
  const __m256 a = _mm256_max_ps(x.a, x.b);
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

GRADUS_INLINE __m256i bf16_bits8(__m256 x) {
  const __m256i u = _mm256_castps_si256(x);
  const __m256i high = _mm256_srli_epi32(u, 16);
  const __m256i odd = _mm256_and_si256(high, _mm256_set1_epi32(1));
  const __m256i rounded =
      _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd), 16);
  const __m256i nan = _mm256_castps_si256(_mm256_cmp_ps(x, x, _CMP_UNORD_Q));
  return _mm256_blendv_epi8(rounded, _mm256_or_si256(high, _mm256_set1_epi32(0x40)), nan);
}
GRADUS_INLINE __m256 from_bf16(__m128i x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(x), 16));
}
GRADUS_INLINE F16 load(const uint16_t* p) {
  const auto* q = reinterpret_cast<const __m128i*>(p);
  return {from_bf16(_mm_loadu_si128(q)), from_bf16(_mm_loadu_si128(q + 1))};
}
GRADUS_INLINE void store(uint16_t* p, F16 x) {
  const __m256i packed = _mm256_packus_epi32(bf16_bits8(x.a), bf16_bits8(x.b));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}
GRADUS_INLINE void store_pairs(uint32_t* p, F16 even, F16 odd) {
  auto* q = reinterpret_cast<__m256i*>(p);
  _mm256_storeu_si256(
      q, _mm256_or_si256(bf16_bits8(even.a), _mm256_slli_epi32(bf16_bits8(odd.a), 16)));
  _mm256_storeu_si256(
      q + 1, _mm256_or_si256(bf16_bits8(even.b), _mm256_slli_epi32(bf16_bits8(odd.b), 16)));
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
GRADUS_INLINE __m256 even_of(__m256i x) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(x, 16));
}
GRADUS_INLINE __m256 odd_of(__m256i x) {
  return _mm256_castsi256_ps(_mm256_and_si256(x, _mm256_set1_epi32(-65536)));
}
GRADUS_INLINE Pair load_pair(const uint16_t* p) {
  const auto* q = reinterpret_cast<const __m256i*>(p);
  const __m256i x = _mm256_loadu_si256(q);
  const __m256i y = _mm256_loadu_si256(q + 1);
  return {{even_of(x), even_of(y)}, {odd_of(x), odd_of(y)}};
}
GRADUS_INLINE Pair set_pair(const uint16_t* p) {
  int bits;
  __builtin_memcpy(&bits, p, sizeof bits);
  const __m256i x = _mm256_set1_epi32(bits);
  return {{even_of(x), even_of(x)}, {odd_of(x), odd_of(x)}};
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
