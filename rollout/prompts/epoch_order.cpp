#include "rollout/prompts/epoch_order.h"

#include <numeric>
#include <utility>

#include "base/random.h"

namespace gradus::rollout {

EpochOrder::EpochOrder(int64_t num_rows, uint64_t seed, bool shuffle)
    : num_rows_(num_rows), seed_(seed), shuffle_(shuffle) {}

int64_t EpochOrder::row_at(int64_t index) const {
  const int64_t epoch = index / num_rows_;
  const int64_t place = index % num_rows_;
  if (!shuffle_) return place;
  const std::lock_guard lock(mutex_);
  if (epoch != epoch_) {
    permutation_.resize(static_cast<size_t>(num_rows_));
    std::iota(permutation_.begin(), permutation_.end(), int64_t{0});
    RandomStream random(seed_, hash_text("epoch order"), static_cast<uint64_t>(epoch));
    for (int64_t i = num_rows_ - 1; i > 0; --i) {
      const auto other = static_cast<size_t>(random.below(i + 1));
      std::swap(permutation_[static_cast<size_t>(i)], permutation_[other]);
    }
    epoch_ = epoch;
  }
  return permutation_[static_cast<size_t>(place)];
}

}  // namespace gradus::rollout
