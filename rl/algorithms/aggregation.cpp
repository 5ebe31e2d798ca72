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

double token_weight(Aggregation aggregation, const Denominators& denominators, TokenPlace place,
                    int constant_length) {
  const auto N = static_cast<double>(denominators.num_sequences);
  const auto T = static_cast<double>(denominators.num_tokens);
  switch (aggregation) {
    case Aggregation::token_mean:
      return 1.0 / T;
    case Aggregation::sequence_mean:
      return 1.0 / (N * static_cast<double>(place.sequence_tokens));
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
    case Aggregation::token_sum:
      return 1.0;
    case Aggregation::prompt_mean:
      return 1.0 / (static_cast<double>(denominators.num_prompts) *
                    static_cast<double>(place.prompt_tokens));
  }
  return 0.0;
}

}  // namespace gradus::rl
