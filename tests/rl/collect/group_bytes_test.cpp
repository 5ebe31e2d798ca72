#include "rl/collect/group_bytes.h"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

Group graded_group() {
  Group group;
  group.prompt.id = "sums:3";
  group.prompt.experts = {1, 2, 3};
  rollout::Completion completion;
  completion.tokens = {5, 6, 7};
  completion.logprobs = {-0.5F, -1e-7F, -3.0F};
  completion.policy_logprobs = {-0.5F, -0.25F, -3.0F};
  completion.experts = {9, 8};
  completion.text = std::string("a\0\xFFz", 4);
  completion.finish = rollout::FinishReason::length;
  completion.policy_version = 17;
  completion.turns = {{0, 2, true, "", 17}, {2, 3, false, "tool output", -1}};
  completion.index = 1;
  completion.seconds = 0.125;
  group.completions = {completion, {}};
  group.completions[1].error = "it failed";
  rewards::Grade grade{0.1, rewards::GradeOutcome::scored, "well", {{"answer", "12"}, {"n", 3}}};
  group.grades = {{grade, rewards::failed("broken")}};
  group.contributions = {{{0.1, true, false}, {}}};
  group.rewards = {0.1, std::numeric_limits<double>::quiet_NaN()};
  group.advantages = {0.0, 0.0};
  return group;
}

}  // namespace

TEST_CASE("a group comes to another rank as it was", "[rl][collect]") {
  const Group sent = graded_group();
  ByteWriter out;
  write(sent, out);
  const std::string bytes = out.take();
  ByteReader in(bytes);
  Group got;
  read(got, in);
  CHECK(in.is_empty());
  CHECK(got.prompt.experts == sent.prompt.experts);
  REQUIRE(got.completions.size() == 2);
  const auto& completion = got.completions[0];
  CHECK(completion.tokens == sent.completions[0].tokens);
  CHECK(completion.logprobs == sent.completions[0].logprobs);
  CHECK(completion.policy_logprobs == sent.completions[0].policy_logprobs);
  CHECK(completion.experts == sent.completions[0].experts);
  CHECK(completion.text == sent.completions[0].text);
  CHECK(completion.finish == rollout::FinishReason::length);
  CHECK(completion.policy_version == 17);
  REQUIRE(completion.turns.size() == 2);
  CHECK(completion.turns[1].reason == "tool output");
  CHECK_FALSE(completion.turns[1].is_trained);
  CHECK(completion.index == 1);
  CHECK(completion.seconds == 0.125);
  CHECK(got.completions[1].error == "it failed");
  CHECK(got.grades[0][0].value == 0.1);
  CHECK(got.grades[0][0].details == sent.grades[0][0].details);
  CHECK(got.grades[0][1].outcome == rewards::GradeOutcome::failed);
  CHECK(got.grades[0][1].details.is_null());
  CHECK(got.contributions[0][0].is_clipped);
  CHECK(std::isnan(got.contributions[0][1].value));
  CHECK(got.rewards[0] == 0.1);
  CHECK(std::isnan(got.rewards[1]));
}

TEST_CASE("a record that ends too early is refused", "[rl][collect]") {
  ByteWriter out;
  write(graded_group(), out);
  const std::string bytes = out.take();
  for (size_t size = 0; size < bytes.size(); size += 7) {
    ByteReader in(std::string_view(bytes).substr(0, size));
    Group got;
    CHECK_THROWS_AS(read(got, in), PeerError);
  }
}
