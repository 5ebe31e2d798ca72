#pragma once

#include <cstdint>
#include <vector>

namespace gradus::rollout {

/// Rows of an endless order in which each place is drawn anew, in proportion to weights. A pure
/// function of (weights, seed, i). All calls from any threads.
class WeightedDraw {
 public:
  /// @param weights  [rows] above 0; at least one.
  WeightedDraw(const std::vector<double>& weights, uint64_t seed);

  /// @param index  >= 0.
  int64_t row_at(int64_t index) const;

 private:
  std::vector<double> ends_;  ///< [rows] sums of the weights up to and with each
  uint64_t seed_;
};

}  // namespace gradus::rollout
