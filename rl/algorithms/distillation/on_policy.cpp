#include "rl/algorithms/distillation/on_policy.h"

#include <algorithm>

namespace gradus::rl {

std::vector<double> distillation_advantages(std::span<const double> old_logprobs,
                                            std::span<const double> teacher_logprobs,
                                            std::span<const double> given,
                                            const std::vector<unsigned char>& is_live,
                                            double kl_coef, double discount, double bound) {
  std::vector<double> advantages(old_logprobs.size(), 0.0);
  double later = 0.0;
  for (size_t t = advantages.size(); t-- > 0;) {
    if (!is_live.empty() && is_live[t] == 0) continue;
    double difference = old_logprobs[t] - teacher_logprobs[t];
    if (bound > 0.0) difference = std::clamp(difference, -bound, bound);
    later = difference + discount * later;
    advantages[t] = (given.empty() ? 0.0 : given[t]) - kl_coef * later;
  }
  return advantages;
}

}  // namespace gradus::rl
