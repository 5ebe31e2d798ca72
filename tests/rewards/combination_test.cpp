#include "rewards/combination.h"

#include <cmath>

#include "base/error.h"
#include "rewards/reward_set.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rewards;

namespace {

RewardTerms gate_at(double threshold, double weight = 1.0) {
  return {weight, {}, {}, threshold};
}

/// The reward of one completion with these grades.
double reward_of(const std::vector<Grade>& grades, const std::vector<RewardTerms>& terms) {
  std::vector<std::vector<Grade>> rows;
  for (const Grade& grade : grades) rows.push_back({grade});
  return weighted_sums(contributions_of(rows, terms), terms).at(0);
}

std::string error_of(const std::string& toml) {
  RewardConfig first;
  RewardConfig second;
  read_settings(first, "type = \"format\"\n" + toml, "recipe.toml");
  read_settings(second, "type = \"accuracy\"", "recipe.toml");
  try {
    const RewardSet set({first, second});
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("a rule's value is held within its bounds before it is weighted",
          "[rewards][combination]") {
  const std::vector<RewardTerms> terms{{2.0, -1.0, 1.0, {}}};
  CHECK(reward_of({scored(5.0)}, terms) == 2.0);
  CHECK(reward_of({scored(-5.0)}, terms) == -2.0);
  CHECK(reward_of({scored(0.5)}, terms) == 1.0);
  const auto parts = contributions_of({{scored(5.0), scored(1.0)}}, terms);
  CHECK(parts[0][0].is_clipped);
  CHECK_FALSE(parts[0][1].is_clipped);
}

TEST_CASE("rules below a gate pay only where it is open", "[rewards][combination]") {
  const std::vector<RewardTerms> terms{gate_at(1.0), {}};
  CHECK(reward_of({scored(1.0), scored(1.0)}, terms) == 2.0);
  CHECK(reward_of({scored(0.0), scored(1.0)}, terms) == 0.0);
  CHECK(reward_of({scored(0.0), scored(-1.0)}, terms) == 0.0);
  CHECK(contributions_of({{scored(0.0)}, {scored(1.0)}}, terms)[1][0].is_gated);
  // A rule above the gate is not its business.
  CHECK(reward_of({scored(-1.0), scored(0.0), scored(1.0)}, {{}, gate_at(1.0), {}}) == -1.0);
  // Weight 0: it only opens and closes.
  CHECK(reward_of({scored(1.0), scored(0.3)}, {gate_at(1.0, 0.0), {}}) == 0.3);
  CHECK(reward_of({scored(0.5), scored(0.3)}, {gate_at(1.0, 0.0), {}}) == 0.0);
}

TEST_CASE("gates may stand below each other", "[rewards][combination]") {
  const std::vector<RewardTerms> terms{gate_at(1.0), gate_at(1.0), {}};
  CHECK(reward_of({scored(1), scored(1), scored(1)}, terms) == 3.0);
  CHECK(reward_of({scored(1), scored(0), scored(1)}, terms) == 1.0);
  CHECK(reward_of({scored(0), scored(1), scored(1)}, terms) == 0.0);
}

TEST_CASE("a gate that was not scored leaves the rules below uncounted, never 0",
          "[rewards][combination]") {
  const std::vector<RewardTerms> terms{{}, gate_at(1.0), {}};
  CHECK(reward_of({scored(0.25), failed("x"), scored(1)}, terms) == 0.25);
  CHECK(std::isnan(reward_of({skipped("x"), failed("x"), scored(1)}, terms)));
  // A closed gate decides, whatever another one would have said.
  CHECK(reward_of({scored(0), skipped("x"), scored(1)}, {gate_at(1.0), gate_at(1.0), {}}) == 0.0);
  CHECK(reward_of({skipped("x"), scored(0), scored(1)}, {gate_at(1.0), gate_at(1.0), {}}) == 0.0);
}

TEST_CASE("terms that can never pay are refused", "[rewards][combination]") {
  CHECK_THAT(error_of("min = 2.0\nmax = 1.0"), Catch::Contains("min: is 2, must be at most max"));
  CHECK_THAT(error_of("gate = 2.0\nmax = 1.0"), Catch::Contains("no value can reach"));
  CHECK(error_of("gate = 1.0\nmin = -1.0\nmax = 1.0") == "no error");
  RewardConfig last;
  read_settings(last, "type = \"format\"\ngate = 1.0", "recipe.toml");
  CHECK_THROWS_WITH(RewardSet({last}), Catch::Contains("no rule below it"));
}
