#include "policy/weights/fresh_adapter.h"

#include <algorithm>
#include <cmath>

#include "base/random.h"

namespace gradus::policy {

void fill_fresh_adapter(uint64_t seed, std::string_view name, int64_t in, std::span<float> out) {
  if (name.ends_with("lora_B.weight")) {
    std::ranges::fill(out, 0.0F);
    return;
  }
  RandomStream random(seed, hash_text(name), 0, 0);
  const float bound = 1.0F / std::sqrt(static_cast<float>(in));
  for (float& value : out) value = (2.0F * random.uniform() - 1.0F) * bound;
}

}  // namespace gradus::policy
