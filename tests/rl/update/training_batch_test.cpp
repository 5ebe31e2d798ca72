#include "rl/update/training_batch.h"

#include "base/error.h"
#include "tests/catch.h"
#include "tests/rl/sample_groups.h"
#include "tests/rl/vectors.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

/// One group; its second completion has three tokens, of which the middle one came from a tool.
std::vector<Group> with_a_tool() {
  std::vector<Group> groups{sample_group("p", {1.0, 0.0})};
  groups[0].advantages = {1.0, -1.0};
  groups[0].completions[1].turns = {
      {0, 1, true, "", 4}, {1, 2, false, "tool output", -1}, {2, 3, true, "", 6}};
  return groups;
}

}  // namespace

TEST_CASE("tokens that a tool wrote are read but not trained on", "[rl][turns]") {
  const auto groups = with_a_tool();
  const TrainingBatch batch = collect(groups, {}, {});
  REQUIRE(batch.num_tokens() == 5);
  const bool* live = batch.is_live.const_data_ptr<bool>();
  CHECK(std::vector<bool>(live, live + 5) == std::vector<bool>{true, true, true, false, true});
  const Minibatch minibatch = make_minibatch(batch, std::vector<int32_t>{0}, 1000);
  CHECK(minibatch.denominators.num_tokens == 4);
  CHECK(minibatch.denominators.num_sequences == 2);
  REQUIRE(minibatch.microbatches.size() == 1);
  // Its row is there for those that follow; its logprob is not asked for.
  CHECK(minibatch.microbatches[0].token == std::vector<int64_t>{0, 1, 2, 4});
  CHECK(groups[0].completions[1].oldest_version() == -1);
}

TEST_CASE("credit of single tokens takes the advantage's place", "[rl][turns]") {
  auto groups = with_a_tool();
  groups[0].credit = {{}, {0.5, 0.0, 2.0}};
  CHECK(values_of(collect(groups, {}, {}).advantages) ==
        std::vector<double>{1.0, 1.0, 0.5, 0.0, 2.0});
  // A completion whose advantage is 0 still teaches where a token has credit.
  groups[0].advantages = {0.0, 0.0};
  AlgorithmConfig config;
  config.skip_zero_advantage = true;
  const TrainingBatch batch = collect(groups, config, {});
  CHECK_FALSE(batch.sequences[0].is_computed);
  CHECK(batch.sequences[1].is_computed);
}

TEST_CASE("turns or credit that do not cover a completion are refused", "[rl][turns]") {
  auto groups = with_a_tool();
  groups[0].completions[1].turns.pop_back();
  CHECK_THROWS_WITH(collect(groups, {}, {}), Catch::Contains("prompt p, completion 1"));
  groups = with_a_tool();
  groups[0].credit = {{}, {0.5}};
  CHECK_THROWS_AS(collect(groups, {}, {}), ArgumentError);
}

TEST_CASE("the oldest weights that sampled a part of a completion count", "[rl][turns]") {
  rollout::Completion completion;
  completion.policy_version = 6;
  CHECK(completion.oldest_version() == 6);
  completion.turns = {{0, 1, true, "", 4}, {1, 2, false, "tool output", -1}};
  CHECK(completion.oldest_version() == 4);
}
