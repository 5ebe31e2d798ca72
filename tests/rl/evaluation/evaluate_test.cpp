#include "rl/evaluation/evaluate.h"

#include "tests/catch.h"

using namespace gradus::rl;

namespace {

EvalProblem problem(std::vector<uint8_t> is_right, std::vector<std::string> answers) {
  return {{}, std::move(is_right), std::move(answers)};
}

}  // namespace

TEST_CASE("accuracy, pass@k and maj@k count problems, not samples", "[rl][evaluate]") {
  EvalResult result;
  result.problems = {
      problem({1, 0, 0, 1}, {"4", "5", "6", "4"}),  // the commonest answer is right
      problem({1, 0, 0, 0}, {"1", "2", "2", "3"}),  // the commonest is wrong
      problem({0, 0, 0, 0}, {"", "", "", ""}),
      problem({0, 1, 0, 1}, {"8", "9", "8", "9"}),  // a tie goes to the earlier one, wrong
  };
  sum_up_answers(result, 4);
  CHECK(result.accuracy.value == Approx((0.5 + 0.25 + 0.0 + 0.5) / 4.0));
  REQUIRE(result.pass_at.size() == 3);
  CHECK(result.pass_at[0].second == Approx(result.accuracy.value));
  CHECK(result.pass_at[2].second == Approx(0.75));
  REQUIRE(result.maj_at.size() == 3);
  CHECK(result.maj_at[0].second == Approx(0.5));
  CHECK(result.maj_at[2].second == Approx(0.25));
  const auto metrics = eval_metrics(result);
  CHECK(metrics.at("eval/pass@4") == Approx(0.75));
  CHECK(metrics.at("eval/accuracy/low") < metrics.at("eval/accuracy"));
  CHECK_FALSE(metrics.contains("eval/pass@1"));
}
