#include "policy/kernels/optimizer/adamw_8bit.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <vector>

#include "policy/kernels/kernel_table.h"

namespace gradus::policy::kernels {
namespace {

constexpr int kDecades = 7;
constexpr int kNumLevels = 256;

/// The levels above 0, ascending; the last is 1.
std::vector<double> positive_levels(bool is_signed) {
  std::vector<double> levels;
  for (int decade = 0; decade < kDecades; ++decade) {
    const int num = is_signed ? 1 << decade : 2 << decade;
    const double unit = std::pow(10.0, decade - (kDecades - 1));
    for (int i = 0; i < num; ++i) {
      // Middles of equal parts of [0.1, 1].
      levels.push_back(unit * (0.1 + 0.9 * (i + 0.5) / num));
    }
  }
  levels.push_back(1.0);
  return levels;
}

std::array<float, kNumLevels> make_levels(bool is_signed) {
  const auto positive = positive_levels(is_signed);
  std::array<float, kNumLevels> levels{};
  size_t at = 0;
  if (is_signed) {
    for (size_t i = positive.size() - 1; i-- > 0;) levels[at++] = static_cast<float>(-positive[i]);
  }
  levels[at++] = 0.0F;
  for (const double level : positive) levels[at++] = static_cast<float>(level);
  return levels;
}

/// A line for each run of equal gaps; lines that are left over repeat the first.
MomentLevels make_lines(bool is_signed) {
  auto levels = positive_levels(is_signed);
  levels.insert(levels.begin(), 0.0);
  const size_t top = levels.size() - 1;
  MomentLevels result{};
  result.zero = kNumLevels - 1 - static_cast<int>(top);
  result.top = static_cast<float>(top);
  result.last_slope = static_cast<float>(1.0 / (levels[top] - levels[top - 1]));
  std::fill_n(result.slopes, kMomentLines, static_cast<float>(1.0 / levels[1]));
  size_t line = 1;
  double gap = levels[1];
  for (size_t i = 1; i + 1 < top; ++i) {
    const double next = levels[i + 1] - levels[i];
    if (std::fabs(next / gap - 1.0) < 1e-6) continue;
    gap = next;
    assert(line < kMomentLines);
    result.slopes[line] = static_cast<float>(1.0 / gap);
    result.intercepts[line] = static_cast<float>(static_cast<double>(i) - levels[i] / gap);
    ++line;
  }
  return result;
}

/// A permutation of the 32-bit integers that leaves no pattern (murmur3's finalizer).
uint32_t mixed(uint32_t x) {
  x = (x ^ (x >> 16)) * 0x85ebca6bU;
  x = (x ^ (x >> 13)) * 0xc2b2ae35U;
  return x ^ (x >> 16);
}

void decode(const std::array<float, kNumLevels>& levels, const uint8_t* codes, float scale,
            int64_t n, float* out) {
  for (int64_t i = 0; i < n; ++i) out[i] = levels[codes[i]] * scale;
}

/// @param scale  has the sign of its value, as level 1 has no negative; 0 where nothing is worth
///               a scale.
void encode(const MomentLevels& levels, const float* x, int64_t n, uint32_t key, uint8_t* codes,
            float& scale) {
  constexpr float kSmallest = 1e-30F;
  scale = kernels().extreme(x, n);
  if (std::fabs(scale) < kSmallest) scale = 0.0F;
  const float inverse = scale != 0.0F ? 1.0F / scale : 0.0F;
  kernels().encode_moments({x, n, inverse, &levels, key, 2, codes});
}

}  // namespace

const std::array<float, 256>& dynamic_levels(bool is_signed) {
  static const auto with_sign = make_levels(true);
  static const auto without_sign = make_levels(false);
  return is_signed ? with_sign : without_sign;
}

void adamw_8bit_step(ThreadTeam& team, float* param, const float* grad, const BlockMoments& first,
                     const BlockMoments& root, int64_t n, const AdamWStep& step, uint32_t stream) {
  static const MomentLevels first_lines = make_lines(true);
  static const MomentLevels root_lines = make_lines(false);
  const AdamWFactors factors = adamw_factors(step);
  const uint32_t step_key = mixed(mixed(stream) + static_cast<uint32_t>(step.step));
  const int64_t num_blocks = (n + kMomentBlock - 1) / kMomentBlock;
  team.for_range(num_blocks, 64, [&](int64_t begin_block, int64_t end_block) {
    std::array<float, kMomentBlock> m;
    std::array<float, kMomentBlock> v;
    for (int64_t b = begin_block; b < end_block; ++b) {
      const int64_t begin = b * kMomentBlock;
      const int64_t length = std::min(kMomentBlock, n - begin);
      const uint32_t key = mixed(step_key ^ mixed(static_cast<uint32_t>(b)));
      decode(dynamic_levels(true), first.codes + begin, first.scales[b], length, m.data());
      decode(dynamic_levels(false), root.codes + begin, root.scales[b], length, v.data());
      for (int64_t i = 0; i < length; ++i) v[i] *= v[i];
      kernels().adamw(param + begin, grad + begin, m.data(), v.data(), length, factors);
      kernels().square_root(v.data(), length);
      encode(first_lines, m.data(), length, key, first.codes + begin, first.scales[b]);
      encode(root_lines, v.data(), length, key + 1, root.codes + begin, root.scales[b]);
    }
  });
}

}  // namespace gradus::policy::kernels
