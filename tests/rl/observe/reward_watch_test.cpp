#include "rl/observe/reward_watch.h"

#include <limits>

#include "base/error.h"
#include "rl/observe/samples.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;
using Catch::Matchers::Contains;

namespace {

Group group_of(const std::vector<std::pair<std::string, double>>& completions) {
  Group group;
  group.grades.resize(1);
  for (const auto& [text, reward] : completions) {
    rollout::Completion completion;
    completion.text = text;
    completion.tokens = {1, 2};
    completion.finish = rollout::FinishReason::stop;
    completion.index = static_cast<int>(group.completions.size());
    group.completions.push_back(completion);
    group.rewards.push_back(reward);
    group.advantages.push_back(0.0);
    group.grades[0].push_back(rewards::scored(reward));
  }
  return group;
}

const std::vector<std::string> kRules{"accuracy"};

}  // namespace

TEST_CASE("a first step without signal names the likeliest cause", "[rl][reward_watch]") {
  std::vector<Group> groups{group_of({{"a", 0.0}, {"b", 0.0}, {"c", 0.0}})};
  CHECK_THAT(*explain_no_signal(groups, kRules), Contains("the same reward, 0"));
  for (auto& completion : groups[0].completions) completion.finish = rollout::FinishReason::length;
  CHECK_THAT(*explain_no_signal(groups, kRules), Contains("cut off at rollout.max_tokens"));
  for (size_t i = 0; i < 3; ++i) {
    groups[0].rewards[i] = std::numeric_limits<double>::quiet_NaN();
    groups[0].grades[0][i] = rewards::failed("no module named grader");
  }
  CHECK_THAT(*explain_no_signal(groups, kRules), Contains("accuracy: no module named grader"));
  for (auto& completion : groups[0].completions) {
    completion.finish = rollout::FinishReason::failed;
    completion.error = "the cache is too small";
  }
  CHECK_THAT(*explain_no_signal(groups, kRules), Contains("3 rollouts failed: the cache"));
}

TEST_CASE("equal completions and groups that differ only from each other are told apart",
          "[rl][reward_watch]") {
  CHECK_THAT(
      *explain_no_signal(
          {group_of({{"a", 0.0}, {"a", 0.0}, {"a", 0.0}, {"a", 0.0}, {"a", 0.0}, {"a", 0.0}})},
          kRules),
      Contains("temperature"));
  CHECK_THAT(*explain_no_signal(
                 {group_of({{"a", 0.0}, {"b", 0.0}}), group_of({{"c", 1.0}, {"d", 1.0}})}, kRules),
             Contains("within every group"));
  CHECK_FALSE(explain_no_signal({group_of({{"a", 0.0}, {"b", 1.0}})}, kRules));
}

TEST_CASE("a rule that never differs is reported once", "[rl][reward_watch]") {
  RewardWatch watch;
  int64_t num_warnings = 0;
  for (int64_t step = 1; step <= 40; ++step) {
    Group group = group_of({{"a", 0.0}, {"b", 1.0}});
    for (auto& grade : group.grades[0]) grade.value = 0.5;
    for (const auto& warning : watch.look_at(step, {group}, kRules)) {
      ++num_warnings;
      CHECK_THAT(warning, Contains("rule accuracy gave every completion of 10 steps"));
    }
  }
  CHECK(num_warnings == 1);
}

TEST_CASE("reward that rises while held-out accuracy falls is reported", "[rl][reward_watch]") {
  RewardWatch watch;
  watch.look_at(1, {group_of({{"a", 0.0}, {"b", 0.2}})}, kRules);
  CHECK(watch.look_at_eval(1, 0.5).empty());
  for (int64_t step = 2; step < 20; ++step)
    watch.look_at(step, {group_of({{"a", 0.8}, {"b", 1.0}})}, kRules);
  const auto warnings = watch.look_at_eval(20, 0.3);
  REQUIRE(warnings.size() == 1);
  CHECK_THAT(warnings[0], Contains("held-out accuracy fell from 0.500 to 0.300"));
}

TEST_CASE("a sample line shows what every rule made of the completion", "[rl][samples]") {
  Group group = group_of({{"42", 1.0}, {"?", 0.0}});
  group.prompt.id = "q1";
  group.rewards[1] = std::numeric_limits<double>::quiet_NaN();
  group.grades[0][1] = rewards::failed("boom");
  const std::string lines = sample_lines(3, {group}, 1, kRules);
  CHECK(lines ==
        "{\"step\":3,\"prompt_id\":\"q1\",\"index\":0,\"prompt\":\"\",\"completion\":\"42\","
        "\"finish\":\"stop\",\"error\":\"\",\"num_tokens\":2,\"reward\":1.0,\"advantage\":0.0,"
        "\"is_used\":true,\"grades\":{\"accuracy\":{\"value\":1.0,\"outcome\":\"scored\","
        "\"reason\":\"\",\"details\":null}}}\n"
        "{\"step\":3,\"prompt_id\":\"q1\",\"index\":1,\"prompt\":\"\",\"completion\":\"?\","
        "\"finish\":\"stop\",\"error\":\"\",\"num_tokens\":2,\"reward\":null,\"advantage\":0.0,"
        "\"is_used\":true,\"grades\":{\"accuracy\":{\"value\":null,\"outcome\":\"failed\","
        "\"reason\":\"boom\",\"details\":null}}}\n");
}

TEST_CASE("what was counted and said survives a resume", "[rl][reward_watch]") {
  const std::vector<Group> silent{group_of({{"a", 0.0}, {"b", 0.0}})};
  const auto said = [&](int64_t halt) {
    std::vector<std::string> all;
    RewardWatch first;
    RewardWatch second;
    for (int64_t step = 1; step <= 14; ++step) {
      if (step == halt) second.recall(first.memory());
      auto& watch = step < halt ? first : second;
      for (auto& warning : watch.look_at(step, silent, kRules)) all.push_back(warning);
      for (auto& warning : watch.look_at_eval(step, 0.5)) all.push_back(warning);
    }
    return all;
  };
  CHECK(said(100).size() >= 2);
  for (const int64_t halt : {2, 8, 11}) CHECK(said(halt) == said(100));
  RewardWatch watch;
  watch.recall("");  // a checkpoint of before
  CHECK_THROWS_AS(watch.recall("{}"), FileError);
}
