#include "policy/formats/gguf/gguf_blocks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "policy/formats/float_bits.h"

namespace gradus::policy {
namespace {

float half_at(const uint8_t* p) {
  uint16_t bits;
  std::memcpy(&bits, p, 2);
  return f16_to_f32(bits);
}

// Blocks of 32 with 4-bit values: low nibbles are elements 0-15, high nibbles 16-31.
void q4_0(const uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 16; ++i) {
    y[i] = static_cast<float>((b[2 + i] & 15) - 8) * d;
    y[i + 16] = static_cast<float>((b[2 + i] >> 4) - 8) * d;
  }
}

void q4_1(const uint8_t* b, float* y) {
  const float d = half_at(b);
  const float m = half_at(b + 2);
  for (int i = 0; i < 16; ++i) {
    y[i] = static_cast<float>(b[4 + i] & 15) * d + m;
    y[i + 16] = static_cast<float>(b[4 + i] >> 4) * d + m;
  }
}

// A fifth bit per element lies in a u32 before the nibbles.
template <class Value>
void q5(const uint8_t* high_bits, const uint8_t* q, float* y, Value&& value) {
  uint32_t high;
  std::memcpy(&high, high_bits, 4);
  for (int i = 0; i < 16; ++i) {
    y[i] = value(static_cast<int>((q[i] & 15U) | ((high >> i) & 1U) << 4));
    y[i + 16] = value(static_cast<int>((q[i] >> 4) | ((high >> (i + 16)) & 1U) << 4));
  }
}

void q5_0(const uint8_t* b, float* y) {
  const float d = half_at(b);
  q5(b + 2, b + 6, y, [&](int q) { return static_cast<float>(q - 16) * d; });
}

void q5_1(const uint8_t* b, float* y) {
  const float d = half_at(b);
  const float m = half_at(b + 2);
  q5(b + 4, b + 8, y, [&](int q) { return static_cast<float>(q) * d + m; });
}

void q8_0(const uint8_t* b, float* y) {
  const float d = half_at(b);
  for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(static_cast<int8_t>(b[2 + i])) * d;
}

void q2_k(const uint8_t* b, float* y) {
  const float d = half_at(b + 80);
  const float dmin = half_at(b + 82);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128;
    const int scale = b[i / 16];
    const int q = (b[16 + 32 * half + i % 32] >> (2 * (i / 32 % 4))) & 3;
    const float low = dmin * static_cast<float>(scale >> 4);
    y[i] = d * static_cast<float>(scale & 15) * static_cast<float>(q) - low;
  }
}

// Sixteen 6-bit scales in 12 bytes: low nibbles of 0-7, of 8-15, then the upper two bits.
int q3_k_scale(const uint8_t* b, int j) {
  const int low = j < 8 ? b[j] & 15 : b[j - 8] >> 4;
  return (low | ((b[8 + j % 4] >> (2 * (j / 4))) & 3) << 4) - 32;
}

void q3_k(const uint8_t* b, float* y) {
  const float d = half_at(b + 108);
  for (int i = 0; i < 256; ++i) {
    const int low = (b[32 + 32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4))) & 3;
    const int q = low - (((b[i % 32] >> (i / 32)) & 1) != 0 ? 0 : 4);
    y[i] = d * static_cast<float>(q3_k_scale(b + 96, i / 16)) * static_cast<float>(q);
  }
}

struct ScaleMin {
  float scale;
  float min;
};

// Eight 6-bit scales and mins in 12 bytes: the upper two bits of 4-7 are spread over 0-7.
std::array<ScaleMin, 8> k_scales(const uint8_t* b, float d, float dmin) {
  std::array<ScaleMin, 8> result{};
  for (int j = 0; j < 8; ++j) {
    const int sc = j < 4 ? b[j] & 63 : (b[j + 4] & 15) | (b[j - 4] >> 6) << 4;
    const int m = j < 4 ? b[j + 4] & 63 : (b[j + 4] >> 4) | (b[j] >> 6) << 4;
    result[j] = {d * static_cast<float>(sc), dmin * static_cast<float>(m)};
  }
  return result;
}

void q4_k(const uint8_t* b, float* y) {
  const auto scales = k_scales(b + 4, half_at(b), half_at(b + 2));
  const uint8_t* q = b + 16;
  for (int j = 0; j < 8; ++j) {
    for (int i = 0; i < 32; ++i) {
      const int value = (q[32 * (j / 2) + i] >> (4 * (j % 2))) & 15;
      y[32 * j + i] = scales[j].scale * static_cast<float>(value) - scales[j].min;
    }
  }
}

void q5_k(const uint8_t* b, float* y) {
  const auto scales = k_scales(b + 4, half_at(b), half_at(b + 2));
  const uint8_t* high = b + 16;
  const uint8_t* q = b + 48;
  for (int j = 0; j < 8; ++j) {
    for (int i = 0; i < 32; ++i) {
      const int low = (q[32 * (j / 2) + i] >> (4 * (j % 2))) & 15;
      const int value = low | ((high[i] >> j) & 1) << 4;
      y[32 * j + i] = scales[j].scale * static_cast<float>(value) - scales[j].min;
    }
  }
}

void q6_k(const uint8_t* b, float* y) {
  const float d = half_at(b + 208);
  for (int half = 0; half < 2; ++half) {
    const uint8_t* low = b + 64 * half;
    const uint8_t* high = b + 128 + 32 * half;
    const auto* scale = reinterpret_cast<const int8_t*>(b + 192 + 8 * half);
    float* out = y + 128 * half;
    for (int i = 0; i < 128; ++i) {
      const int quarter = i / 32;
      const int l = i % 32;
      const int nibble = (low[l + 32 * (quarter % 2)] >> (4 * (quarter / 2))) & 15;
      const int q = nibble | ((high[l] >> (2 * quarter)) & 3) << 4;
      out[i] = d * static_cast<float>(scale[i / 16]) * static_cast<float>(q - 32);
    }
  }
}

using Dequantise = void (*)(const uint8_t*, float*);

Dequantise dequantiser(DType dtype) {
  switch (dtype) {
    case DType::Q4_0:
      return q4_0;
    case DType::Q4_1:
      return q4_1;
    case DType::Q5_0:
      return q5_0;
    case DType::Q5_1:
      return q5_1;
    case DType::Q8_0:
      return q8_0;
    case DType::Q2_K:
      return q2_k;
    case DType::Q3_K:
      return q3_k;
    case DType::Q4_K:
      return q4_k;
    case DType::Q5_K:
      return q5_k;
    case DType::Q6_K:
      return q6_k;
    default:
      throw ArgumentError(std::string(dtype_name(dtype)) + " is not a block type");
  }
}

}  // namespace

void dequantise_blocks(DType dtype, std::span<const std::byte> bytes, std::span<float> out) {
  const Dequantise dequantise = dequantiser(dtype);
  const uint64_t elements = dtype_block_elements(dtype);
  const uint64_t block_bytes = dtype_block_bytes(dtype);
  const auto* source = reinterpret_cast<const uint8_t*>(bytes.data());
  for (uint64_t block = 0; block < out.size() / elements; ++block) {
    dequantise(source + block * block_bytes, out.data() + block * elements);
  }
}

std::optional<size_t> quantise_q8_0(std::span<const float> values, std::span<std::byte> out) {
  std::optional<size_t> overflow;
  for (size_t block = 0; block < values.size() / 32; ++block) {
    const auto x = values.subspan(32 * block, 32);
    float largest = 0;
    for (const float v : x) largest = std::max(largest, std::fabs(v));
    const float d = largest / 127.0F;
    const float inverse = d != 0 ? 1.0F / d : 0.0F;
    const uint16_t half = f32_to_f16(d);
    if (!overflow && (half & 0x7FFF) >= 0x7C00) overflow = 32 * block;
    std::byte* target = out.data() + 34 * block;
    std::memcpy(target, &half, 2);
    for (int i = 0; i < 32; ++i) {
      // 1/d overflows for subnormal d; such a block rounds to zero in F16 anyway.
      const float scaled = std::isfinite(inverse) ? std::round(x[i] * inverse) : 0.0F;
      target[2 + i] =
          static_cast<std::byte>(static_cast<int8_t>(std::clamp(scaled, -127.0F, 127.0F)));
    }
  }
  return overflow;
}

}  // namespace gradus::policy
