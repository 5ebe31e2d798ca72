#include "rl/algorithms/algorithm_config.h"

#include "base/error.h"
#include "rl/algorithms/losses/policy_loss.h"
#include "rl/learn/optimizers/optimizer_config.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rl;

TEST_CASE("defaults are valid, and written as TOML they read back the same",
          "[rl][algorithm_config]") {
  const AlgorithmConfig config;
  CHECK_NOTHROW(check(config));
  CHECK_NOTHROW(check(OptimizerConfig{}));
  CHECK_NOTHROW(check_settings(config, "defaults"));
  AlgorithmConfig read;
  read.kl_coef = 9.0;
  read.aggregation = Aggregation::sequence_sum;
  read_settings(read, to_toml(config), "dump");
  CHECK(compare_settings(config, read).empty());
}

TEST_CASE("settings of the algorithm are read by their names", "[rl][algorithm_config]") {
  AlgorithmConfig config;
  read_settings(config,
                "loss = \"gspo\"\naggregation = \"sequence_mean\"\nscale_rewards = \"none\"\n"
                "kl_estimator = \"k1\"\nkl_gradient = \"own\"\n"
                "[mismatch]\nmode = \"token_mask\"\nmin = 0.5\nmax = 5.0\n"
                "[dynamic_sampling]\nenable = true\n",
                "recipe.toml");
  CHECK(config.loss == "gspo");
  CHECK(config.aggregation == Aggregation::sequence_mean);
  CHECK(config.scale_rewards == ScaleRewards::none);
  CHECK(config.kl_estimator == "k1");
  CHECK(config.kl_gradient == KlGradient::own);
  CHECK(config.mismatch.mode == "token_mask");
  CHECK(config.mismatch.min == 0.5);
  CHECK(config.dynamic_sampling.enable);
}

TEST_CASE("settings that contradict each other are refused by name", "[rl][algorithm_config]") {
  AlgorithmConfig config;
  SECTION("an unknown loss") {
    config.loss = "ppo";
    CHECK_THROWS_WITH(check(config), Catch::Contains("rl.loss") && Catch::Contains("grpo, gspo"));
  }
  SECTION("a dual clip that holds back unmoved tokens") {
    config.dual_clip = 0.9;
    CHECK_THROWS_WITH(check(config), Catch::Contains("rl.dual_clip"));
  }
  SECTION("a delta inside the clip range") {
    config.delta = 1.1;
    CHECK_THROWS_WITH(check(config), Catch::Contains("rl.delta"));
  }
  SECTION("an empty range of mismatch weights") {
    config.mismatch.min = 4.0;
    CHECK_THROWS_WITH(check(config), Catch::Contains("rl.mismatch.min"));
  }
  SECTION("more minibatches than groups") {
    config.minibatches = 9;
    CHECK_THROWS_WITH(check(config), Catch::Contains("rl.minibatches"));
  }
  CHECK_THROWS_AS(check(config), ConfigError);
}

TEST_CASE("a decay of one is refused", "[rl][algorithm_config]") {
  OptimizerConfig config;
  config.beta2 = 1.0;
  CHECK_THROWS_WITH(check(config), Catch::Contains("optim.beta2"));
}

TEST_CASE("a name that no record has is refused with the nearest one", "[rl][algorithm_config]") {
  CHECK(policy_losses().find("ppo") == nullptr);
  CHECK_THROWS_WITH(policy_losses().at("gpro"), Catch::Contains("did you mean \"grpo\""));
  AlgorithmConfig config;
  CHECK_THROWS_WITH(apply_set(config, "kl_estimator=k4"), Catch::Contains("one of k1, k2, k3"));
  CHECK_THROWS_WITH(apply_set(config, "mismatch.mode=token"), Catch::Contains("none, token_"));
}

TEST_CASE("a loss's own settings stand in a section of its name", "[rl][algorithm_config]") {
  AlgorithmConfig config;
  read_settings(config, "[sapo]\ntemperature_positive = 2.0\n", "recipe.toml");
  CHECK_THAT(to_toml(config), Catch::Contains("[sapo]\ntemperature_positive = 2.0"));
  CHECK_THROWS_WITH(read_settings(config, "[sapo]\ntemperature = 2.0\n", "recipe.toml"),
                    Catch::Contains("sapo.temperature: is not a setting") &&
                        Catch::Contains("temperature_positive"));
  CHECK_THROWS_WITH(apply_set(config, "sapo.temperature_negative=0"), Catch::Contains("> 0"));
  // A copy has values of its own.
  AlgorithmConfig copy = config;
  apply_set(copy, "sapo.temperature_positive=3");
  CHECK(compare_settings(config, copy).size() == 1);
}

TEST_CASE("recipes of before say the same by their former keys", "[rl][algorithm_config]") {
  AlgorithmConfig config;
  read_settings(config,
                "combine_rewards = \"normalize_then_sum\"\nsapo_temperature_positive = 2.0\n",
                "recipe.toml");
  CHECK(config.advantage == "normalize_then_sum");
  CHECK_THAT(to_toml(config), Catch::Contains("temperature_positive = 2.0"));
  CHECK_THAT(to_toml(config), !Catch::Contains("combine_rewards"));
  apply_set(config, "combine_rewards=sum_then_normalize");
  CHECK(config.advantage == "sum_then_normalize");
}
