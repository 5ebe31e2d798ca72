#include "rl/algorithms/advantages/advantage.h"

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "tests/catch.h"
#include "tests/rl/sample_groups.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

AlgorithmConfig scaled_by(ScaleRewards scale) {
  AlgorithmConfig config;
  config.scale_rewards = scale;
  return config;
}

}  // namespace

TEST_CASE("advantages are centred rewards over the sample deviation plus the floor",
          "[rl][advantage]") {
  const std::vector<double> rewards{1.0, 0.0, 0.0, 1.0};
  // mean 0.5, deviation sqrt(4 * 0.25 / 3)
  const double expected = 0.5 / (std::sqrt(1.0 / 3.0) + 1e-4);
  const auto advantages = group_advantages(rewards, {});
  CHECK(advantages[0] == Approx(expected).epsilon(1e-12));
  CHECK(advantages[1] == Approx(-expected).epsilon(1e-12));
  CHECK(advantages[3] == advantages[0]);
}

TEST_CASE("without scaling advantages are centred rewards alone", "[rl][advantage]") {
  const std::vector<double> rewards{3.0, 0.0, 0.0};
  CHECK(group_advantages(rewards, scaled_by(ScaleRewards::none)) ==
        std::vector<double>{2.0, -1.0, -1.0});
}

TEST_CASE("a group with equal rewards has advantages of exactly zero", "[rl][advantage]") {
  // 0.1 three times: a sum over three is not 0.1 in double.
  for (const double r : {1.0, 0.1, -0.3}) {
    for (const auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
      const std::vector<double> rewards(3, r);
      for (const double a : group_advantages(rewards, scaled_by(scale), 1.0)) CHECK(a == 0.0);
    }
  }
}

TEST_CASE("a completion that could not be scored is left out of the group and gets zero",
          "[rl][advantage]") {
  const std::vector<double> with{1.0, kNaN, 0.0, 0.0};
  const std::vector<double> without{1.0, 0.0, 0.0};
  const auto advantages = group_advantages(with, {});
  const auto expected = group_advantages(without, {});
  CHECK(advantages[1] == 0.0);
  CHECK(advantages[0] == expected[0]);
  CHECK(advantages[2] == expected[1]);
}

TEST_CASE("a group of one, or with one scored completion, has zero advantages", "[rl][advantage]") {
  CHECK(group_advantages(std::vector<double>{0.7}, {}) == std::vector<double>{0.0});
  CHECK(group_advantages(std::vector<double>{kNaN, 0.7}, {}) == std::vector<double>{0.0, 0.0});
  CHECK(group_advantages(std::vector<double>{kNaN}, {}) == std::vector<double>{0.0});
  CHECK(group_advantages(std::vector<double>{}, {}).empty());
}

TEST_CASE("a constant added to all rewards does not change advantages", "[rl][advantage]") {
  const std::vector<double> rewards{0.25, 1.0, -0.5, 0.0, 2.0};
  std::vector<double> shifted = rewards;
  for (double& r : shifted) r += 8.0;
  for (const auto scale : {ScaleRewards::group, ScaleRewards::batch, ScaleRewards::none}) {
    const auto a = group_advantages(rewards, scaled_by(scale), 0.9);
    const auto b = group_advantages(shifted, scaled_by(scale), 0.9);
    for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(1e-12));
  }
}

TEST_CASE("advantages follow the completions when these are permuted", "[rl][advantage]") {
  const auto a = group_advantages(std::vector<double>{1.0, 0.0, 0.5}, {});
  const auto b = group_advantages(std::vector<double>{0.5, 1.0, 0.0}, {});
  CHECK(b[0] == Approx(a[2]).margin(1e-15));
  CHECK(b[1] == Approx(a[0]));
  CHECK(b[2] == Approx(a[1]));
}

TEST_CASE("scaling by batch divides by the deviation of all groups' rewards", "[rl][advantage]") {
  std::vector<Group> groups{sample_group("a", {1.0, 0.0}), sample_group("b", {4.0, 4.0})};
  assign_advantages(groups, scaled_by(ScaleRewards::batch));
  // rewards 1 0 4 4: mean 2.25, squares 1.5625 + 5.0625 + 2 * 3.0625 = 12.75
  const double expected = 0.5 / (std::sqrt(12.75 / 3.0) + 1e-4);
  CHECK(groups[0].advantages[0] == Approx(expected).epsilon(1e-12));
  CHECK(groups[0].advantages[1] == Approx(-expected).epsilon(1e-12));
  CHECK(groups[1].advantages == std::vector<double>{0.0, 0.0});
}

TEST_CASE("a failed completion takes no part whatever its reward says", "[rl][advantage]") {
  std::vector<Group> groups{sample_group("a", {1.0, 0.0, 5.0})};
  groups[0].completions[2].finish = rollout::FinishReason::failed;
  assign_advantages(groups, {});
  CHECK(groups[0].advantages[2] == 0.0);
  CHECK(groups[0].advantages[0] == Approx(0.5 / (std::sqrt(0.5) + 1e-4)));
}

TEST_CASE("a group has a signal when two scored rewards differ", "[rl][advantage]") {
  CHECK(has_signal(sample_group("a", {1.0, 0.0})));
  CHECK_FALSE(has_signal(sample_group("a", {1.0, 1.0})));
  CHECK_FALSE(has_signal(sample_group("a", {1.0, kNaN})));
}

TEST_CASE("infinite rewards and missing rewards are refused", "[rl][advantage]") {
  CHECK_THROWS_AS(group_advantages(std::vector<double>{1.0, HUGE_VAL}, {}), ArgumentError);
  std::vector<Group> groups{sample_group("a", {1.0, 0.0})};
  groups[0].rewards.pop_back();
  CHECK_THROWS_WITH(assign_advantages(groups, {}), Catch::Contains("prompt a"));
}

namespace {

/// A group with the values of several rules: [rule][completion].
Group valued_group(const std::string& id, const std::vector<std::vector<double>>& values,
                   const std::vector<double>& weights) {
  Group group = sample_group(id, std::vector<double>(values[0].size(), 0.0));
  for (size_t k = 0; k < values.size(); ++k) {
    group.terms.push_back({weights[k], {}, {}, {}});
    auto& row = group.contributions.emplace_back();
    for (const double value : values[k]) row.push_back({value});
  }
  group.rewards = rewards::weighted_sums(group.contributions, group.terms);
  return group;
}

AlgorithmConfig gdpo() {
  AlgorithmConfig config;
  config.advantage = "normalize_then_sum";
  return config;
}

}  // namespace

TEST_CASE("normalise then sum gives TRL's figures", "[rl][advantage][gdpo]") {
  const std::vector<double> weights{1.0, 0.5};
  std::vector<Group> groups{valued_group("a", {{1, 1, 0, 0}, {0, 3, 1, 1}}, weights),
                            valued_group("b", {{0, 0, 0, 0}, {2, 2, 5, 2}}, weights)};
  assign_advantages(groups, gdpo());
  const std::vector<double> expected{0.42887213863862206, 1.8134543646460008,  -1.1211632516423113,
                                     -1.1211632516423113, -0.2903750116022804, -0.2903750116022804,
                                     0.8711250348068412,  -0.2903750116022804};
  for (size_t i = 0; i < 8; ++i) {
    CHECK(groups[i / 4].advantages[i % 4] == Approx(expected[i]).epsilon(1e-12));
  }
}

TEST_CASE("normalise then sum sees what cancels in a sum", "[rl][advantage][gdpo]") {
  std::vector<Group> groups{valued_group("a", {{1, 0, 0}, {0, 2, 0}}, {2.0, 1.0})};
  CHECK(groups[0].rewards == std::vector<double>{2.0, 2.0, 0.0});
  assign_advantages(groups, gdpo());
  CHECK(groups[0].advantages[0] > groups[0].advantages[1]);
  const Group equal = valued_group("b", {{1, 0}, {0, 1}}, {1.0, 1.0});
  CHECK_FALSE(has_signal(equal));
  CHECK_FALSE(has_signal(equal, gdpo()));
  CHECK(has_signal(valued_group("c", {{1, 0}, {0, 1}}, {1.0, 0.5}), gdpo()));
}

TEST_CASE("a rule that did not count is left out of its own comparison", "[rl][advantage][gdpo]") {
  const Group group = valued_group("a", {{1, 0, kNaN, 1}, {kNaN, 1, kNaN, 0}}, {1.0, 1.0});
  const auto sums = normalized_sums(group, 0.0);
  CHECK(sums[0] == Approx((1.0 - 2.0 / 3.0) / std::sqrt(1.0 / 3.0)));
  CHECK(std::isnan(sums[2]));
  CHECK(sums[3] == Approx((1.0 - 2.0 / 3.0) / std::sqrt(1.0 / 3.0) - 0.5 / std::sqrt(0.5)));
  std::vector<Group> groups{group};
  assign_advantages(groups, gdpo());
  CHECK(groups[0].advantages[2] == 0.0);
  groups[0].contributions[1].pop_back();
  CHECK_THROWS_WITH(assign_advantages(groups, gdpo()), Catch::Contains("prompt a"));
}
