#pragma once

#include <array>
#include <cstdint>

#include "base/parallel.h"
#include "policy/kernels/optimizer/adamw.h"

namespace gradus::policy::kernels {

/// Values that share one scale, as in 8-bit optimizers (Dettmers et al., arXiv:2110.02861, 2.1).
inline constexpr int64_t kMomentBlock = 256;

/// The paper's dynamic data types (1.3), ascending: a value is levels[code] times its block's
/// largest magnitude. Signed: -1 < levels <= 1 with 0 inside; otherwise 0 <= levels <= 1.
const std::array<float, 256>& dynamic_levels(bool is_signed);

/// Moments of n parameters in 8 bits each. `codes` [n], `scales` [ceil(n / kMomentBlock)] float32.
struct BlockMoments {
  uint8_t* codes = nullptr;
  float* scales = nullptr;
};

/// adamw_step with moments kept in 8 bits: the exact step of the block's decoded moments, which are
/// then encoded again. Two departures from the paper keep the rounding from steering the training:
///   * the second moment is kept as its root, which has the range of the first; a root above 0
///     never becomes 0, so that no step divides by it;
///   * values are rounded up or down at random, with the chance that keeps their mean (with decays
///     of 0.1 % a step the nearest level would be the old one for ever).
///
/// The random bits are a hash of (stream, step.step, index): same bits for every team.
///
/// @param root    of the second moment, unsigned levels; @param first  signed levels.
/// @param stream  tells parameters apart.
void adamw_8bit_step(ThreadTeam& team, float* param, const float* grad, const BlockMoments& first,
                     const BlockMoments& root, int64_t n, const AdamWStep& step, uint32_t stream);

}  // namespace gradus::policy::kernels
