#include "rl/algorithms/aggregation.h"

#include <vector>

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

TEST_CASE("denominators count live tokens and the completions that have any", "[rl][aggregation]") {
  const auto d = count_denominators(std::vector<int64_t>{3, 0, 5});
  CHECK(d.num_sequences == 2);
  CHECK(d.num_tokens == 8);
}

TEST_CASE("a token's weight is the aggregation's formula", "[rl][aggregation]") {
  const Denominators d{.num_sequences = 2, .num_tokens = 8, .num_prompts = 5};
  CHECK(token_weight(Aggregation::token_mean, d, {3, 4}, 0) == 1.0 / 8.0);
  CHECK(token_weight(Aggregation::sequence_mean, d, {3, 4}, 0) == 1.0 / 6.0);
  CHECK(token_weight(Aggregation::sequence_mean_constant, d, {3, 4}, 100) == 1.0 / 200.0);
  CHECK(token_weight(Aggregation::sequence_sum, d, {3, 4}, 0) == 0.5);
  CHECK(token_weight(Aggregation::token_sum, d, {3, 4}, 0) == 1.0);
  CHECK(token_weight(Aggregation::prompt_mean, d, {3, 4}, 0) == 1.0 / 20.0);
}

TEST_CASE("dividing by a constant length needs the length", "[rl][aggregation]") {
  CHECK_THROWS_AS(token_weight(Aggregation::sequence_mean_constant, {1, 1}, {1, 1}, 0),
                  ConfigError);
}
