#include "rl/collect/shaping.h"

#include <cmath>

namespace gradus::rl {

double stop_properly(double reward, bool is_truncated, double coef) {
  if (!is_truncated || std::isnan(reward)) return reward;
  return coef < 0.0 ? coef : reward * coef;
}

void shape_stops(std::vector<Group>& groups, double coef) {
  for (Group& group : groups)
    for (size_t i = 0; i < group.rewards.size(); ++i)
      group.rewards[i] = stop_properly(group.rewards[i], group.completions[i].is_truncated(), coef);
}

}  // namespace gradus::rl
