#include "rl/run/stop_rule.h"

#include <cmath>

#include "base/error.h"
#include "rl/run/run_settings.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;
using Catch::Matchers::Contains;

TEST_CASE("a condition on a figure is read, or refused with what it should be", "[rl][run]") {
  const auto condition = parse_condition("eval/accuracy >= 0.95");
  REQUIRE(condition);
  CHECK(condition->metric == "eval/accuracy");
  CHECK(condition->bound == 0.95);
  CHECK(condition->holds(0.95));
  CHECK_FALSE(condition->holds(0.94));
  CHECK(parse_condition("eval/loss<0.5")->holds(0.4));
  CHECK_FALSE(parse_condition("eval/loss < 0.5")->holds(0.5));
  CHECK(parse_condition(" kl <= 1e-2 ")->bound == 0.01);
  CHECK(parse_condition("eval/algebra/accuracy > 0.9"));  // of one of eval.sets
  for (const char* wrong : {"eval/accuracy", "eval/accuracy >= ", ">= 3", "eval/acuracy >= 0.9",
                            "eval/accuracy >= much", "eval/accuracy >= 0.9 or so",
                            "eval/accuracy >= nan", "eval//accuracy > 1"})
    CHECK_FALSE(parse_condition(wrong));

  RunSettings settings;
  CHECK_THROWS_WITH(apply_set(settings, "stop_when=accuracy=0.9"),
                    Contains("run") || Contains("stop_when"));
  apply_set(settings, "stop_when=eval/accuracy >= 0.9");
  CHECK(settings.stop_when == "eval/accuracy >= 0.9");
  CHECK_THROWS_AS(apply_set(settings, "plateau.metric=eval/acuracy"), ConfigError);
}

TEST_CASE("a run ends when its figure has come so far", "[rl][run]") {
  StopRule rule("eval/accuracy >= 0.9", {});
  CHECK_FALSE(rule.reason());
  rule.look_at({{"eval/accuracy", 0.5}});
  rule.look_at({{"reward", 1.0}});
  rule.look_at({{"eval/accuracy", std::nan("")}});
  CHECK_FALSE(rule.reason());
  rule.look_at({{"eval/accuracy", 0.92}});
  REQUIRE(rule.reason());
  CHECK_THAT(*rule.reason(), Contains("eval/accuracy is 0.92: >= 0.9"));
}

TEST_CASE("a plateau is so many values in a row that are no better", "[rl][run]") {
  PlateauSettings plateau;
  plateau.metric = "eval/loss";  // smaller is better
  plateau.patience = 2;
  plateau.min_delta = 0.1;
  StopRule rule("", plateau);
  for (const double loss : {2.0, 1.5, 1.45, 1.39}) rule.look_at({{"eval/loss", loss}});
  CHECK_FALSE(rule.reason());  // 1.39 is better than 1.5 by more than 0.1
  rule.look_at({{"eval/loss", 1.3}});
  rule.look_at({{"loss", 0.0}});  // another figure
  CHECK_FALSE(rule.reason());
  rule.look_at({{"eval/loss", 1.35}});
  REQUIRE(rule.reason());
  CHECK_THAT(*rule.reason(), Contains("eval/loss has not been better than 1.39"));

  plateau.mode = "max";
  StopRule larger("", plateau);
  for (const double loss : {2.0, 3.0, 4.0}) larger.look_at({{"eval/loss", loss}});
  CHECK_FALSE(larger.reason());
}

TEST_CASE("what a stop rule has seen survives a kill, and not another setting", "[rl][run]") {
  PlateauSettings plateau;
  plateau.metric = "eval/accuracy";
  plateau.patience = 3;
  StopRule before("reward > 2", plateau);
  for (const double value : {0.5, 0.4, 0.45})
    before.look_at({{"eval/accuracy", value}, {"reward", 1.0}});
  StopRule after("reward > 2", plateau);
  after.recall(before.memory());
  CHECK(after.memory() == before.memory());
  after.look_at({{"eval/accuracy", 0.3}});
  CHECK(after.reason());

  plateau.patience = 9;
  StopRule longer("kl > 2", plateau);
  longer.recall(after.memory());
  CHECK_FALSE(longer.reason());
  plateau.metric = "eval/loss";
  StopRule other("", plateau);
  other.recall(after.memory());
  CHECK(other.memory().empty());
  CHECK(StopRule("", {}).memory().empty());
}

TEST_CASE("losses are better when they are smaller", "[rl][run]") {
  CHECK(direction_of("auto", "eval/loss") < 0.0);
  CHECK(direction_of("auto", "eval/algebra/loss") < 0.0);
  CHECK(direction_of("auto", "perplexity") < 0.0);
  CHECK(direction_of("auto", "eval/accuracy") > 0.0);
  CHECK(direction_of("max", "eval/loss") > 0.0);
  CHECK(direction_of("min", "eval/accuracy") < 0.0);
}
