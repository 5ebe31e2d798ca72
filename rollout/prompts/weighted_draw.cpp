#include "rollout/prompts/weighted_draw.h"

#include <algorithm>

#include "base/random.h"

namespace gradus::rollout {

WeightedDraw::WeightedDraw(const std::vector<double>& weights, uint64_t seed) : seed_(seed) {
  double sum = 0.0;
  for (const double weight : weights) ends_.push_back(sum += weight);
}

int64_t WeightedDraw::row_at(int64_t index) const {
  RandomStream random(seed_, hash_text("weighted draw"), static_cast<uint64_t>(index));
  const double place = random.uniform_double() * ends_.back();
  const auto row = std::ranges::upper_bound(ends_, place) - ends_.begin();
  return std::min<int64_t>(row, static_cast<int64_t>(ends_.size()) - 1);
}

}  // namespace gradus::rollout
