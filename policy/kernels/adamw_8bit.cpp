#include "policy/kernels/adamw_8bit.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "policy/kernels/kernel_table.h"

namespace gradus::policy::kernels {
namespace {

constexpr int kDecades = 7;
constexpr int kNumLevels = 256;

// Buckets of magnitudes in (2^-24, 1]: 24 exponents with 7 bits of mantissa, narrower than two
// levels, so that at most one step leads from a bucket's first level to a value's own.
constexpr int kMantissaShift = 16;
constexpr uint32_t kFirstBits = (127U - 24U) << 23;
constexpr uint32_t kNumBuckets = ((127U << 23) - kFirstBits) >> kMantissaShift;

std::vector<float> positive_levels(bool is_signed) {
  std::vector<float> levels;
  for (int decade = 0; decade < kDecades; ++decade) {
    const int num = is_signed ? 1 << decade : 2 << decade;
    const double unit = std::pow(10.0, decade - (kDecades - 1));
    for (int i = 0; i < num; ++i) {
      // Middles of equal parts of [0.1, 1].
      levels.push_back(static_cast<float>(unit * (0.1 + 0.9 * (i + 0.5) / num)));
    }
  }
  levels.push_back(1.0F);
  return levels;
}

std::array<float, kNumLevels> make_levels(bool is_signed) {
  const auto positive = positive_levels(is_signed);
  std::array<float, kNumLevels> levels{};
  size_t at = 0;
  if (is_signed) {
    for (size_t i = positive.size() - 1; i-- > 0;) levels[at++] = -positive[i];
  }
  levels[at++] = 0.0F;
  std::copy(positive.begin(), positive.end(), levels.begin() + at);
  return levels;
}

/// Finds the levels around a magnitude in [0, 1].
class Encoder {
 public:
  explicit Encoder(bool is_signed)
      : levels_(dynamic_levels(is_signed)),
        zero_(static_cast<int>(std::find(levels_.begin(), levels_.end(), 0.0F) - levels_.begin())) {
    for (int code = zero_; code + 1 < kNumLevels; ++code) {
      inverse_gap_[code] = 1.0F / (levels_[code + 1] - levels_[code]);
    }
    int code = zero_;
    for (uint32_t bucket = 0; bucket <= kNumBuckets; ++bucket) {
      const auto begin = std::bit_cast<float>(kFirstBits + (bucket << kMantissaShift));
      while (code + 1 < kNumLevels && levels_[code + 1] <= begin) ++code;
      first_[bucket] = static_cast<uint8_t>(code);
    }
  }

  int zero() const { return zero_; }

  /// The code at or next above `magnitude`, in [0, 1], the nearer the likelier.
  /// @param uniform  in [0, 1).
  int round(float magnitude, float uniform) const {
    const auto bits = std::bit_cast<uint32_t>(magnitude);
    const uint32_t bucket = bits < kFirstBits ? 0 : (bits - kFirstBits) >> kMantissaShift;
    int code = bits < kFirstBits ? zero_ : first_[std::min(bucket, kNumBuckets)];
    if (code == kNumLevels - 1) return code;
    code += levels_[code + 1] <= magnitude ? 1 : 0;
    if (code == kNumLevels - 1) return code;
    return code + (uniform < (magnitude - levels_[code]) * inverse_gap_[code] ? 1 : 0);
  }

 private:
  const std::array<float, kNumLevels>& levels_;
  int zero_;
  std::array<float, kNumLevels> inverse_gap_{};
  std::array<uint8_t, kNumBuckets + 1> first_{};
};

/// A permutation of the 32-bit integers that leaves no pattern (murmur3's finalizer).
uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bU;
  x = (x ^ (x >> 13)) * 0xc2b2ae35U;
  return x ^ (x >> 16);
}

/// The value of largest magnitude, with its sign; 0 where nothing is worth a scale.
float largest(const float* x, int64_t n) {
  constexpr float kSmallest = 1e-30F;
  float low = 0.0F;
  float high = 0.0F;
  for (int64_t i = 0; i < n; ++i) {
    low = std::min(low, x[i]);
    high = std::max(high, x[i]);
  }
  const float result = high >= -low ? high : low;
  return std::fabs(result) < kSmallest ? 0.0F : result;
}

class Block {
 public:
  Block(int64_t length, uint32_t key) : length_(length), key_(key) {}

  void decode(const std::array<float, kNumLevels>& levels, const uint8_t* codes, float scale,
              float* out) const {
    for (int64_t i = 0; i < length_; ++i) out[i] = levels[codes[i]] * scale;
  }

  void encode_first(const Encoder& encoder, const float* m, uint8_t* codes, float& scale) const {
    // The scale has the sign of its value, as level 1 has no negative.
    scale = largest(m, length_);
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    for (int64_t i = 0; i < length_; ++i) {
      const float value = m[i] * inverse;
      const int up = encoder.round(std::min(std::fabs(value), 1.0F), uniform(i, 0));
      const int code = value < 0.0F ? 2 * encoder.zero() - up : up;
      codes[i] = static_cast<uint8_t>(std::max(code, 0));
    }
  }

  void encode_root(const Encoder& encoder, const float* root, uint8_t* codes, float& scale) const {
    scale = largest(root, length_);
    const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
    for (int64_t i = 0; i < length_; ++i) {
      const int code = encoder.round(std::min(root[i] * inverse, 1.0F), uniform(i, 1));
      codes[i] = static_cast<uint8_t>(root[i] > 0.0F ? std::max(code, 1) : code);
    }
  }

 private:
  /// 24 random bits.
  float uniform(int64_t i, uint32_t half) const {
    const uint32_t bits = mixed(key_ + 2U * static_cast<uint32_t>(i) + half);
    return static_cast<float>(bits >> 8) * 0x1p-24F;
  }

  int64_t length_;
  uint32_t key_;
};

}  // namespace

const std::array<float, 256>& dynamic_levels(bool is_signed) {
  static const auto with_sign = make_levels(true);
  static const auto without_sign = make_levels(false);
  return is_signed ? with_sign : without_sign;
}

void adamw_8bit_step(ThreadTeam& team, float* param, const float* grad, const BlockMoments& first,
                     const BlockMoments& root, int64_t n, const AdamWStep& step, uint32_t stream) {
  static const Encoder first_encoder(true);
  static const Encoder root_encoder(false);
  const AdamWFactors factors = adamw_factors(step);
  const uint32_t key = mixed(mixed(stream) + static_cast<uint32_t>(step.step));
  const int64_t num_blocks = (n + kMomentBlock - 1) / kMomentBlock;
  team.for_range(num_blocks, 64, [&](int64_t begin_block, int64_t end_block) {
    std::array<float, kMomentBlock> m;
    std::array<float, kMomentBlock> v;
    for (int64_t b = begin_block; b < end_block; ++b) {
      const int64_t begin = b * kMomentBlock;
      const Block block(std::min(kMomentBlock, n - begin),
                        mixed(key ^ mixed(static_cast<uint32_t>(b))));
      const int64_t length = std::min(kMomentBlock, n - begin);
      block.decode(dynamic_levels(true), first.codes + begin, first.scales[b], m.data());
      block.decode(dynamic_levels(false), root.codes + begin, root.scales[b], v.data());
      for (int64_t i = 0; i < length; ++i) v[i] *= v[i];
      kernels().adamw(param + begin, grad + begin, m.data(), v.data(), length, factors);
      for (int64_t i = 0; i < length; ++i) v[i] = std::sqrt(v[i]);
      block.encode_first(first_encoder, m.data(), first.codes + begin, first.scales[b]);
      block.encode_root(root_encoder, v.data(), root.codes + begin, root.scales[b]);
    }
  });
}

}  // namespace gradus::policy::kernels
