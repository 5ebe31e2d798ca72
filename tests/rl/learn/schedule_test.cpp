#include "rl/learn/schedule.h"

#include "tests/catch.h"

using namespace gradus::rl;

namespace {

OptimizerConfig with(Schedule schedule) {
  OptimizerConfig config;
  config.lr = 1.0;
  config.schedule = schedule;
  config.warmup_steps = 3;
  config.min_lr_ratio = 0.2;
  return config;
}

}  // namespace

TEST_CASE("warm-up rises in equal parts from above zero to the full rate", "[rl][schedule]") {
  for (const auto s : {Schedule::constant, Schedule::linear, Schedule::cosine}) {
    CHECK(learning_rate_at(with(s), 0, 13) == 0.25);
    CHECK(learning_rate_at(with(s), 2, 13) == 0.75);
    CHECK(learning_rate_at(with(s), 3, 13) == 1.0);
  }
}

TEST_CASE("after warm-up the rate follows its schedule to the least share", "[rl][schedule]") {
  CHECK(learning_rate_at(with(Schedule::constant), 8, 13) == 1.0);
  CHECK(learning_rate_at(with(Schedule::linear), 8, 13) == Approx(0.6));
  CHECK(learning_rate_at(with(Schedule::cosine), 8, 13) == Approx(0.6));
  CHECK(learning_rate_at(with(Schedule::cosine), 5, 13) == Approx(0.2 + 0.4 * 1.8090169943749475));
  CHECK(learning_rate_at(with(Schedule::linear), 13, 13) == Approx(0.2));
  CHECK(learning_rate_at(with(Schedule::cosine), 99, 13) == Approx(0.2));
}

TEST_CASE("a run shorter than its warm-up has a rate at every step", "[rl][schedule]") {
  CHECK(learning_rate_at(with(Schedule::linear), 1, 2) == 0.5);
  CHECK(learning_rate_at(with(Schedule::linear), 3, 2) == Approx(0.2));
}
