#include "rewards/math/matching.h"

#include <cstddef>

namespace gradus::rewards::math {

// Augmenting paths.
bool can_match(const std::vector<std::vector<bool>>& fits) {
  const size_t n = fits.size();
  std::vector<int> partner(n, -1);
  for (size_t start = 0; start < n; ++start) {
    std::vector<bool> seen(n, false);
    const auto place = [&](auto&& self, size_t i) -> bool {
      for (size_t j = 0; j < n; ++j) {
        if (!fits[i][j] || seen[j]) continue;
        seen[j] = true;
        if (partner[j] < 0 || self(self, static_cast<size_t>(partner[j]))) {
          partner[j] = static_cast<int>(i);
          return true;
        }
      }
      return false;
    };
    if (!place(place, start)) return false;
  }
  return true;
}

}  // namespace gradus::rewards::math
