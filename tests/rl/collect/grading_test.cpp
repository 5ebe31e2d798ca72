#include "rl/collect/grading.h"

#include "base/json.h"
#include "rl/collect/grade_record.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

/// Counts its calls and asks for a stop in one of them.
class StoppingRule final : public rewards::RewardRule {
 public:
  StoppingRule(int stop_at, std::stop_source& stop) : stop_at_(stop_at), stop_(stop) {}

  std::string name() const override { return "stopping"; }

  std::vector<rewards::Grade> grade(std::span<const rewards::RewardInput> group) override {
    if (++num_calls_ == stop_at_) stop_.request_stop();
    return std::vector<rewards::Grade>(group.size(), rewards::scored(1.0));
  }

  int num_calls() const { return num_calls_; }

 private:
  int stop_at_;
  std::stop_source& stop_;
  int num_calls_ = 0;
};

std::vector<rollout::Rollout> rollouts(size_t count) {
  rollout::Completion completion;
  completion.tokens = {1, 2};
  completion.text = "5";
  completion.finish = rollout::FinishReason::stop;
  rollout::Rollout one;
  one.completions = {completion, completion};
  return std::vector<rollout::Rollout>(count, one);
}

/// Calls of a rule that asks for a stop in the `stop_at`th, over five prompts.
int calls_until_stop(int stop_at) {
  std::stop_source stop;
  auto rule = std::make_unique<StoppingRule>(stop_at, stop);
  const StoppingRule& watched = *rule;
  std::vector<std::unique_ptr<rewards::RewardRule>> rules;
  rules.push_back(std::move(rule));
  rewards::RewardSet set(std::move(rules), {rewards::RewardTerms{}});
  const auto groups = grade_rollouts(rollouts(5), set, 1, stop.get_token());
  CHECK(groups.size() == 5);
  if (stop_at == 0) CHECK(groups.back().rewards == std::vector{1.0, 1.0});
  return watched.num_calls();
}

}  // namespace

TEST_CASE("every group is graded, and none any more once a stop is requested", "[rl][grading]") {
  CHECK(calls_until_stop(0) == 5);
  CHECK(calls_until_stop(2) == 2);
}

TEST_CASE("a rule's details that nest deep or are large leave a record that can be read",
          "[rl][grading]") {
  rewards::Grade grade = rewards::scored(0.5);
  nlohmann::json tree = 0;
  for (int i = 0; i < 1'000; ++i) tree = nlohmann::json::array({std::move(tree)});
  std::string text = "x";
  while (text.size() < 60'000'000) text += text;
  grade.details["tree"] = std::move(tree);
  grade.details["text"] = std::move(text);
  const std::string line = grade_json(grade).dump();
  CHECK(line.size() < 80'000);
  const auto read = parse_json(line, "samples");
  CHECK(read["value"] == 0.5);
  CHECK(read["details"].contains("details_cut"));
}
