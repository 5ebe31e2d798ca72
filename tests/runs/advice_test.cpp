#include "runs/advice.h"

#include <string>

#include "tests/catch.h"

using namespace gradus;
using runs::advice_for;

namespace {

/// A run of `count` steps whose figures `value` gives.
template <class Value>
runs::RunView run_of(int count, Value value) {
  runs::RunView run;
  run.state = "running";
  run.steps = 100;
  for (int step = 1; step <= count; ++step) {
    rl::MetricsRecord record;
    record.step = step;
    record.values = value(step);
    run.metrics.push_back(record);
  }
  run.step = count;
  return run;
}

using Values = std::map<std::string, double>;

bool says(const std::vector<runs::Advice>& advice, const std::string& level,
          const std::string& setting) {
  for (const auto& one : advice)
    if (one.level == level && one.setting == setting) return true;
  return false;
}

}  // namespace

TEST_CASE("a run whose reward rises learns, and one that stands does not", "[runs][advice]") {
  const auto up = advice_for(run_of(30,
                                    [](int step) {
                                      return Values{{"reward", 0.02 * step}};
                                    }),
                             1.0);
  REQUIRE(up.size() == 1);
  CHECK(up[0].text.starts_with("It learns"));
  const auto flat = advice_for(run_of(30,
                                      [](int step) {
                                        return Values{{"reward", 0.5 + (step % 2) * 0.1}};
                                      }),
                               1.0);
  CHECK(says(flat, "advice", "optim.lr"));
  const auto few = advice_for(run_of(3, [](int) { return Values{{"reward", 0.5}}; }), 1.0);
  REQUIRE(few.size() == 1);
  CHECK(few[0].level == "note");
}

TEST_CASE("rewards that are all equal are an alarm, which holds other advice back",
          "[runs][advice]") {
  const auto advice = advice_for(run_of(20,
                                        [](int) {
                                          return Values{{"reward", 0.0},
                                                        {"reward_std", 0.0},
                                                        {"frac_reward_zero_std", 1.0},
                                                        {"completions/clipped_ratio", 0.9}};
                                        }),
                                 1.0);
  CHECK(says(advice, "alarm", "rewards"));
  CHECK_FALSE(says(advice, "advice", "rollout.max_tokens"));
}

TEST_CASE("a run that has solved its prompts is told so, not that its grader is broken",
          "[runs][advice]") {
  const auto advice =
      advice_for(run_of(60,
                        [](int step) {
                          return Values{{"reward", step < 20 ? 0.05 * step : 1.0},
                                        {"reward_std", step < 20 ? 0.3 : 0.0},
                                        {"frac_reward_zero_std", step < 20 ? 0.2 : 1.0}};
                        }),
                 1.0);
  CHECK(says(advice, "advice", "run.stop_when"));
  CHECK_FALSE(says(advice, "alarm", "rewards"));
}

TEST_CASE("an early fault is not held against a run for ever", "[runs][advice]") {
  const auto advice =
      advice_for(run_of(40,
                        [](int step) {
                          return Values{{"reward", 0.1 * step},
                                        {"completions/clipped_ratio", step < 20 ? 0.9 : 0.0},
                                        {"rewards/code/failed", step < 20 ? 8.0 : 0.0}};
                        }),
                 1.0);
  REQUIRE(advice.size() == 1);
  CHECK(advice[0].level == "note");
}

TEST_CASE("advice names the setting that treats it", "[runs][advice]") {
  const auto advice = advice_for(run_of(20,
                                        [](int step) {
                                          return Values{{"reward", 0.1 * step},
                                                        {"completions/clipped_ratio", 0.5},
                                                        {"frac_reward_zero_std", 0.7},
                                                        {"reward_std", 0.2},
                                                        {"entropy", step < 5 ? 1.0 : 0.01}};
                                        }),
                                 1.0);
  CHECK(says(advice, "advice", "rollout.max_tokens"));
  CHECK(says(advice, "advice", "rl.dynamic_sampling.enable"));
  CHECK(says(advice, "advice", "rl.clip_ratio_high"));
  CHECK(advice.back().level == "note");
}

TEST_CASE("a run that is silent for long is stalled, not slow", "[runs][advice]") {
  const auto run = run_of(10, [](int) { return Values{{"reward", 0.5}, {"time/step", 20.0}}; });
  CHECK(says(advice_for(run, 4000.0), "alarm", "rewards_limits"));
  CHECK_FALSE(says(advice_for(run, 600.0), "alarm", "rewards_limits"));
}
