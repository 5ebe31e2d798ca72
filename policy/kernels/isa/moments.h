#pragma once

// Moments in 8 bits (policy/kernels/optimizer/adamw_8bit.h). Needs elements.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

/// A permutation of the 32-bit integers that leaves no pattern (murmur3's finalizer).
GRADUS_INLINE uint32_t mixed_bits(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bU;
  x = (x ^ (x >> 13)) * 0xc2b2ae35U;
  return x ^ (x >> 16);
}

float extreme(const float* x, int64_t n) {
  F16 high = zero16();
  F16 low = zero16();
  each_16(n, [&](int64_t i, int64_t m) {
    const F16 v = load_n(x + i, m);
    high = max16(v, high);
    low = max16(sub(zero16(), v), low);
  });
  const float above = largest16(high);
  const float below = largest16(low);
  return above >= below ? above : -below;
}

void square_root(float* x, int64_t n) {
  each_16(n, [&](int64_t i, int64_t m) { store_n(x + i, sqrt16(load_n(x + i, m)), m); });
}

/// Levels above 0, as a real number, of magnitudes y in [0, 1].
GRADUS_INLINE F16 level_of(F16 y, const MomentLevels& levels) {
  F16 level = mul(y, set16(levels.slopes[0]));
#pragma GCC unroll 16
  for (int line = 1; line < kMomentLines; ++line) {
    const F16 rise = fma(y, set16(levels.slopes[line]), set16(levels.intercepts[line]));
    level = min16(rise, level);
  }
  const F16 last = fma(sub(y, set16(1.0F)), set16(levels.last_slope), set16(levels.top));
  return max16(last, level);
}

void encode_moments(const EncodeArgs& args) {
  const MomentLevels& levels = *args.levels;
  const auto zero = static_cast<int32_t>(levels.zero);
  each_16(args.n, [&](int64_t i, int64_t m) {
    float value[kLanes];
    float level[kLanes];
    uint8_t codes[kLanes];
    const F16 scaled = mul(load_n(args.x + i, m), set16(args.inverse_scale));
    const F16 magnitude = max16(scaled, sub(zero16(), scaled));
    store(value, scaled);
    store(level, level_of(min16(magnitude, set16(1.0F)), levels));
    const uint32_t first = args.key + args.stride * static_cast<uint32_t>(i);
    for (int l = 0; l < kLanes; ++l) {
      const uint32_t bits = mixed_bits(first + args.stride * static_cast<uint32_t>(l));
      const float uniform = static_cast<float>(static_cast<int32_t>(bits >> 8)) * 0x1p-24F;
      const auto below = static_cast<int32_t>(level[l]);
      const int32_t up = below + (uniform < level[l] - static_cast<float>(below) ? 1 : 0);
      const int32_t code = value[l] < 0.0F ? zero - up : zero + up;
      const int32_t least = value[l] > 0.0F ? 1 : 0;
      codes[l] = static_cast<uint8_t>(code > least ? code : least);
    }
    __builtin_memcpy(args.codes + i, codes, static_cast<uint64_t>(m));
  });
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
