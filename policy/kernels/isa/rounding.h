#pragma once

// Rounding to 8-bit numbers and back, in float32. Needs elements.h before it. Loops over sixteen
// plain floats: compilers make the set's vectors of them, and no step of them may differ in bits.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

GRADUS_INLINE uint32_t bits_of_lane(float x) {
  uint32_t bits;
  __builtin_memcpy(&bits, &x, sizeof bits);
  return bits;
}
GRADUS_INLINE float lane_of_bits(uint32_t bits) {
  float x;
  __builtin_memcpy(&x, &bits, sizeof x);
  return x;
}

/// To the nearest E4M3 number, ties to even, for |v| up to 448 (and a rounding error beyond): three
/// bits behind the leading one down to 2^-6, multiples of 2^-9 below. Adding and taking away
/// 2^20 times v's power of two leaves just those bits. NaN stays NaN.
GRADUS_INLINE float nearest_e4m3(float v) {
  constexpr uint32_t kSmallest = 121U << 23;  // 2^-6
  const uint32_t bits = bits_of_lane(v);
  uint32_t power = bits & 0x7f800000U;
  power = power < kSmallest ? kSmallest : power;
  const float shift = lane_of_bits(power + (20U << 23));
  const float magnitude = lane_of_bits(bits & 0x7fffffffU);
  return lane_of_bits(bits_of_lane((magnitude + shift) - shift) | (bits & 0x80000000U));
}

/// To the nearest whole number, ties to even, for |v| below 2^22.
GRADUS_INLINE float nearest_whole(float v) {
  return (v + 12582912.0F) - 12582912.0F;
}

template <class Fn>
GRADUS_INLINE void each_lane(const void* x, Type x_type, void* y, Type y_type, int64_t n, Fn fn) {
  with_type(x_type, [&](auto* from) {
    with_type(y_type, [&](auto* to) {
      each_16(n, [&](int64_t i, int64_t m) {
        float v[kLanes];
        store(v, load_n(as(x, from) + i, m));
        for (int l = 0; l < kLanes; ++l) v[l] = fn(v[l], i, l);
        store_n(as(y, to) + i, load(v), m);
      });
    });
  });
}

void round_fp8(const void* x, Type x_type, void* y, Type y_type, int64_t n, float scale) {
  each_lane(x, x_type, y, y_type, n,
            [&](float v, int64_t, int) { return nearest_e4m3(v / scale) * scale; });
}

// scales has room for n rounded up to 16.
void round_fp8_columns(const void* x, Type x_type, void* y, Type y_type, int64_t n,
                       const float* scales) {
  each_lane(x, x_type, y, y_type, n, [&](float v, int64_t i, int l) {
    return nearest_e4m3(v / scales[i + l]) * scales[i + l];
  });
}

void round_int8(const void* x, Type x_type, void* y, Type y_type, int64_t n, float scale) {
  each_lane(x, x_type, y, y_type, n,
            [&](float v, int64_t, int) { return nearest_whole(v / scale) * scale; });
}

// Bit patterns of magnitudes compare as the magnitudes do, and NaN above all of them.
void max_magnitudes(const void* x, Type x_type, int64_t n, uint32_t* largest) {
  with_type(x_type, [&](auto* from) {
    each_16(n, [&](int64_t i, int64_t m) {
      float v[kLanes];
      store(v, load_n(as(x, from) + i, m));
      for (int l = 0; l < kLanes; ++l) {
        const uint32_t bits = bits_of_lane(v[l]) & 0x7fffffffU;
        largest[i + l] = bits > largest[i + l] ? bits : largest[i + l];
      }
    });
  });
}

float max_magnitude(const void* x, Type x_type, int64_t n) {
  uint32_t largest[kLanes] = {};
  with_type(x_type, [&](auto* from) {
    each_16(n, [&](int64_t i, int64_t m) {
      float v[kLanes];
      store(v, load_n(as(x, from) + i, m));
      for (int l = 0; l < kLanes; ++l) {
        const uint32_t bits = bits_of_lane(v[l]) & 0x7fffffffU;
        largest[l] = bits > largest[l] ? bits : largest[l];
      }
    });
  });
  uint32_t result = 0;
  for (int l = 0; l < kLanes; ++l) result = largest[l] > result ? largest[l] : result;
  return lane_of_bits(result);
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
