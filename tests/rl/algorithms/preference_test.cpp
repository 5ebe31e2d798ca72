#include "rl/algorithms/preference/preference.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/mean.h>

#include <cmath>

#include "base/error.h"
#include "rl/algorithms/distillation/generalized_jsd.h"
#include "rl/algorithms/distillation/on_policy.h"
#include "tests/catch.h"
#include "tests/rl/vectors.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

PairInputs pairs_with(const std::vector<double>& chosen, const std::vector<double>& rejected) {
  PairInputs pairs;
  pairs.chosen = floats(chosen).set_requires_grad(true);
  pairs.rejected = floats(rejected).set_requires_grad(true);
  pairs.reference_chosen = floats(std::vector<double>(chosen.size(), -10.0));
  pairs.reference_rejected = floats(std::vector<double>(chosen.size(), -10.0));
  pairs.chosen_tokens = floats(std::vector<double>(chosen.size(), 4.0));
  pairs.rejected_tokens = floats(std::vector<double>(chosen.size(), 4.0));
  return pairs;
}

}  // namespace

TEST_CASE("no preference loss overflows, however far the policy has moved", "[rl][preference]") {
  for (const PreferenceLoss* loss : preference_losses().records()) {
    INFO(loss->name);
    const auto pairs = pairs_with({-4e3, 4e3, -10.0}, {4e3, -4e3, -10.0});
    PreferenceLossConfig config;
    config.losses = {std::string(loss->name)};
    config.label_smoothing = 0.1;
    config.beta = 0.5;
    CHECK_NOTHROW(check(config));
    const auto total = preference_loss(pairs, config);
    CHECK(std::isfinite(total.item<double>()));
    total.backward();
    CHECK(pairs.chosen.grad().isfinite().all().item<bool>());
    if (loss->name == "sft") continue;
    CHECK(pairs.rejected.grad().isfinite().all().item<bool>());
  }
}

TEST_CASE("losses are joined by their weights", "[rl][preference]") {
  const auto value = [](std::vector<std::string> losses, std::vector<double> weights) {
    PreferenceLossConfig config;
    config.losses = std::move(losses);
    config.weights = std::move(weights);
    return preference_loss(pairs_with({-8.0, -12.0}, {-11.0, -9.0}), config).item<double>();
  };
  const double sigmoid = value({"sigmoid"}, {});
  const double sft = value({"sft"}, {});
  CHECK(value({"sigmoid", "sft"}, {0.5, 2.0}) == Approx(0.5 * sigmoid + 2.0 * sft));
  CHECK(sft == Approx(20.0 / 8.0));
}

TEST_CASE("settings of preferences that contradict each other are refused", "[rl][preference]") {
  PreferenceLossConfig config;
  SECTION("an unknown loss, with the nearest") {
    config.losses = {"sigmoyd"};
    CHECK_THROWS_WITH(check(config), Catch::Contains("sigmoid"));
  }
  SECTION("as many weights as losses") {
    config.weights = {1.0, 2.0};
    CHECK_THROWS_WITH(check(config), Catch::Contains("preference.weights"));
  }
  SECTION("exo_pair has no value without smoothing") {
    config.losses = {"exo_pair"};
    CHECK_THROWS_WITH(check(config), Catch::Contains("label_smoothing"));
  }
}

TEST_CASE("the divergence from oneself is 0, and that of the top tokens at most the whole one",
          "[rl][distillation]") {
  const auto student = floats({0.1, 2.0, -1.0, 0.5, 1.0, -0.3, 0.2, 0.9}).reshape({2, 4});
  const auto teacher = floats({1.1, 0.2, -0.4, 0.3, -1.0, 0.8, 1.9, 0.1}).reshape({2, 4});
  for (const double beta : {0.0, 0.3, 1.0}) {
    INFO("beta " << beta);
    const JsdForm whole{beta, 1.0, 0};
    CHECK(values_of(generalized_jsd(teacher, teacher, whole).mean().reshape({1}))[0] ==
          Approx(0.0).margin(1e-6));
    const auto all = values_of(generalized_jsd(student, teacher, whole));
    const auto top = values_of(generalized_jsd(student, teacher, {beta, 1.0, 2}));
    for (size_t r = 0; r < all.size(); ++r) {
      CHECK(all[r] > 0.0);
      CHECK(top[r] <= all[r] + 1e-6);
      CHECK(top[r] >= 0.0);
    }
  }
}

TEST_CASE("what the teacher thinks of later tokens counts by the discount", "[rl][distillation]") {
  const std::vector<double> own{-1.0, -2.0, -3.0};
  const std::vector<double> teacher{-2.0, -2.5, -1.0};
  const auto now = distillation_advantages(own, teacher, {}, {}, 2.0, 0.0, 0.0);
  CHECK(now == std::vector<double>{-2.0, -1.0, 4.0});
  const auto later = distillation_advantages(own, teacher, {}, {1, 0, 1}, 1.0, 0.5, 1.5);
  CHECK(later[0] == Approx(-(1.0 + 0.5 * -1.5)));
  CHECK(later[1] == 0.0);
  CHECK(later[2] == 1.5);
}
