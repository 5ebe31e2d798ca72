#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

namespace gradus::rollout {

/// Which of n rows stands at place i of an endless order: each epoch of n places holds every row
/// once. A pure function of (n, seed, i); one epoch's permutation is kept. All calls from any
/// threads.
class EpochOrder {
 public:
  /// @param num_rows  at least 1.   @param shuffle  false: the rows' own order in every epoch.
  EpochOrder(int64_t num_rows, uint64_t seed, bool shuffle);

  /// @param index  >= 0.
  int64_t row_at(int64_t index) const;

 private:
  int64_t num_rows_;
  uint64_t seed_;
  bool shuffle_;
  mutable std::mutex mutex_;
  mutable int64_t epoch_ = -1;
  mutable std::vector<int64_t> permutation_;
};

}  // namespace gradus::rollout
