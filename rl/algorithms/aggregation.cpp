#include "rl/algorithms/aggregation.h"

#include <fmt/format.h>

#include "base/error.h"

namespace gradus::rl {

Denominators count_denominators(std::span<const int64_t> live_tokens) {
  Denominators denominators;
  for (const int64_t n : live_tokens) {
    denominators.num_sequences += n > 0 ? 1 : 0;
    denominators.num_tokens += n;
  }
  return denominators;
}

double token_weight(Aggregation aggregation, const Denominators& denominators,
                    int64_t sequence_tokens, int constant_length) {
  const auto N = static_cast<double>(denominators.num_sequences);
  const auto T = static_cast<double>(denominators.num_tokens);
  switch (aggregation) {
    case Aggregation::token_mean:
      return 1.0 / T;
    case Aggregation::sequence_mean:
      return 1.0 / (N * static_cast<double>(sequence_tokens));
    case Aggregation::sequence_mean_constant:
      if (constant_length < 1) {
        throw ConfigError(fmt::format(
            "rl.constant_length: is {}, must be >= 1 where rl.aggregation is "
            "sequence_mean_constant; set it to the longest completion (rollout.max_tokens)",
            constant_length));
      }
      return 1.0 / (N * constant_length);
    case Aggregation::sequence_sum:
      return 1.0 / N;
  }
  return 0.0;
}

}  // namespace gradus::rl
