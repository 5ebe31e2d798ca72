#include "rl/observe/group_metrics.h"

#include <cmath>
#include <limits>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "tests/catch.h"
#include "tests/rl/sample_groups.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Lengths 2, 3, 4 in both groups; the last completion of b is truncated.
std::vector<Group> two_groups() {
  std::vector<Group> groups{sample_group("a", {1.0, 0.0, 0.5}),
                            sample_group("b", {2.0, 2.0, kNaN})};
  groups[1].completions[2].finish = rollout::FinishReason::length;
  for (Group& group : groups) {
    group.grades = {{}};
    for (const double r : group.rewards) {
      group.grades[0].push_back(std::isnan(r) ? rewards::failed("broke") : rewards::scored(r));
    }
  }
  assign_advantages(groups, {});
  return groups;
}

}  // namespace

TEST_CASE("metrics of groups follow their formulas", "[rl][group_metrics]") {
  const auto m = group_metrics(two_groups(), {"exact"});
  CHECK(m.at("reward") == Approx(5.5 / 5.0));
  CHECK(m.at("reward_std") == Approx((0.5 + 0.0) / 2.0));
  CHECK(m.at("frac_reward_zero_std") == 0.5);
  CHECK(m.at("completions/mean_length") == 3.0);
  CHECK(m.at("completions/min_length") == 2.0);
  CHECK(m.at("completions/max_length") == 4.0);
  CHECK(m.at("completions/mean_terminated_length") == Approx(14.0 / 5.0));
  CHECK(m.at("completions/clipped_ratio") == Approx(1.0 / 6.0));
  CHECK(m.at("completions/mean_length_better") == 2.0);
  CHECK(m.at("completions/mean_length_worse") == 3.0);
  CHECK(m.at("completions/failed") == 0.0);
  CHECK(m.at("completions/not_scored") == 1.0);
  CHECK(m.at("rewards/exact/mean") == Approx(1.1));
  CHECK(m.at("rewards/exact/failed") == 1.0);
  CHECK(m.at("rewards/exact/skipped") == 0.0);
  CHECK(m.at("rewards/exact/timed_out") == 0.0);
}

TEST_CASE("a failed completion is counted and in no mean", "[rl][group_metrics]") {
  auto groups = two_groups();
  groups[0].completions[0].finish = rollout::FinishReason::failed;
  const auto m = group_metrics(groups, {"exact"});
  CHECK(m.at("completions/failed") == 1.0);
  CHECK(m.at("reward") == Approx(4.5 / 4.0));
}

TEST_CASE("a rule that scored nothing has no mean", "[rl][group_metrics]") {
  auto groups = two_groups();
  for (Group& group : groups) {
    group.grades[0].assign(group.completions.size(), rewards::skipped("no gold"));
    group.rewards.assign(group.completions.size(), kNaN);
  }
  const auto m = group_metrics(groups, {"exact"});
  CHECK(m.count("rewards/exact/mean") == 0);
  CHECK(m.count("reward") == 0);
  CHECK(m.at("rewards/exact/skipped") == 6.0);
  CHECK(m.at("frac_reward_zero_std") == 1.0);
}

TEST_CASE("groups graded by another number of rules are refused", "[rl][group_metrics]") {
  CHECK_THROWS_AS(group_metrics(two_groups(), {"exact", "format"}), ArgumentError);
}

TEST_CASE("shares of clipped, withheld and opening grades are reported", "[rl][group_metrics]") {
  std::vector<Group> groups{sample_group("a", {0.0, 0.0, 0.0, 0.0})};
  Group& group = groups[0];
  group.grades = {
      {rewards::scored(1), rewards::scored(0), rewards::scored(1), rewards::scored(1)},
      {rewards::scored(3), rewards::scored(1), rewards::scored(0), rewards::failed("")}};
  group.terms = {{1.0, {}, {}, 1.0}, {1.0, {}, 2.0, {}}};
  group.contributions = rewards::contributions_of(group.grades, group.terms);
  const auto m = group_metrics(groups, {"format", "score"});
  CHECK(m.at("rewards/format/open_share") == 0.75);
  CHECK_FALSE(m.contains("rewards/format/gated_share"));
  CHECK_FALSE(m.contains("rewards/format/clipped_share"));
  CHECK(m.at("rewards/score/gated_share") == Approx(1.0 / 3.0));
  CHECK(m.at("rewards/score/clipped_share") == Approx(1.0 / 3.0));
  CHECK_FALSE(m.contains("rewards/score/open_share"));
}
