#include "rl/update/update.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>
#include <ATen/ops/equal.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "tests/catch.h"
#include "tests/rl/sample_groups.h"
#include "tests/rl/tiny_policy.h"
#include "tests/rl/vectors.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

std::vector<Group> some_groups() {
  std::vector<Group> groups{
      sample_group("a", {1.0, 0.0, 0.0, 1.0}), sample_group("bb", {0.0, 0.0, 1.0, 0.5}),
      sample_group("ccc", {0.3, 0.3, 0.3, 0.3}), sample_group("dddd", {1.0, 0.2, 0.0, 0.0})};
  groups[1].completions[3].finish = rollout::FinishReason::length;
  assign_advantages(groups, {});
  return groups;
}

struct Run {
  UpdateResult result;
  std::vector<at::Tensor> values;
  std::vector<at::Tensor> gradients;
};

/// One update of a fresh policy; learning rate 0 leaves the gradient to be looked at.
Run update(const AlgorithmConfig& config, const std::vector<Group>& groups, double lr = 0.0,
           uint64_t seed = 5) {
  TinyPolicy policy(1);
  TinyPolicy reference(2);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  Run run;
  run.result = update_policy(policy, &reference, optimizer, groups, config, lr, 0.9, seed, 3, team);
  run.values = policy.copy_values();
  run.gradients = policy.copy_gradients();
  return run;
}

void check_close(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) CHECK(at::allclose(a[i], b[i], 2e-5, 1e-7));
}

void check_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) CHECK(at::equal(a[i], b[i]));
}

AlgorithmConfig everything() {
  AlgorithmConfig config;
  config.kl_coef = 0.3;
  config.entropy_coef = 0.05;
  return config;
}

}  // namespace

TEST_CASE("the split into microbatches does not change the gradient", "[rl][update]") {
  for (const auto aggregation : {Aggregation::token_mean, Aggregation::sequence_mean,
                                 Aggregation::sequence_mean_constant, Aggregation::sequence_sum}) {
    for (const char* loss : {"grpo", "gspo", "cispo"}) {
      AlgorithmConfig config = everything();
      config.aggregation = aggregation;
      config.constant_length = 16;
      config.loss = loss;
      const Run whole = update(config, some_groups());
      for (const int64_t rows : {1, 7, 12, 20, 40}) {
        config.microbatch_tokens = rows;
        const Run split = update(config, some_groups());
        INFO(loss << ", " << rows << " rows");
        check_close(split.gradients, whole.gradients);
        CHECK(split.result.metrics.at("loss") == Approx(whole.result.metrics.at("loss")));
        CHECK(split.result.metrics.at("kl") == Approx(whole.result.metrics.at("kl")));
      }
    }
  }
}

TEST_CASE("the order of completions in a group does not change the gradient", "[rl][update]") {
  auto groups = some_groups();
  const Run straight = update(everything(), groups);
  for (Group& group : groups) {
    std::reverse(group.completions.begin(), group.completions.end());
    std::reverse(group.rewards.begin(), group.rewards.end());
  }
  assign_advantages(groups, {});
  check_close(update(everything(), groups).gradients, straight.gradients);
}

TEST_CASE("the same batch gives the same bits", "[rl][update]") {
  AlgorithmConfig config = everything();
  config.epochs = 2;
  config.minibatches = 2;
  const Run a = update(config, some_groups(), 0.01);
  const Run b = update(config, some_groups(), 0.01);
  check_bits(a.values, b.values);
  CHECK(a.result.metrics.values() == b.result.metrics.values());
  const Run other_seed = update(config, some_groups(), 0.01, 6);
  CHECK_FALSE(at::equal(a.values[0], other_seed.values[0]));
}

TEST_CASE("the gradient equals the numeric derivative of the loss", "[rl][update]") {
  // REINFORCE, KL with its own gradient and entropy: the reported loss is what is differentiated.
  AlgorithmConfig config = everything();
  config.loss = "reinforce";
  config.kl_gradient = KlGradient::own;
  config.aggregation = Aggregation::sequence_mean;
  config.microbatch_tokens = 20;
  const auto groups = some_groups();
  TinyPolicy policy(1);
  TinyPolicy reference(2);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  const auto loss = [&] {
    return update_policy(policy, &reference, optimizer, groups, config, 0.0, 0.9, 0, 0, team)
        .metrics.at("loss");
  };
  loss();
  const auto gradients = policy.copy_gradients();
  for (size_t p = 0; p < gradients.size(); ++p) {
    float* value = policy.parameters()[p].value.mutable_data_ptr<float>();
    for (int64_t i = 0; i < gradients[p].numel(); i += 3) {
      const float before = value[i];
      value[i] = before + 1e-2F;
      const double above = loss();
      value[i] = before - 1e-2F;
      const double below = loss();
      value[i] = before;
      const double numeric = (above - below) / 2e-2;
      CHECK(values_of(gradients[p].flatten())[static_cast<size_t>(i)] ==
            Approx(numeric).epsilon(1e-2).margin(2e-4));
    }
  }
}

TEST_CASE("a batch used once needs no forward for old logprobs", "[rl][update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  AlgorithmConfig config;
  const auto once =
      update_policy(policy, nullptr, optimizer, some_groups(), config, 0.0, 1.0, 0, 0, team);
  CHECK(policy.num_forwards() == 1);
  CHECK(once.cost.scored_tokens == 0);
  // Prompts once: 3 rows a group, and each completion without its last token (1 + 2 + 3 + 4).
  CHECK(once.cost.trained_tokens == 4 * (3 + 10));
  CHECK(policy.version() == 1);

  config.epochs = 2;
  const auto twice =
      update_policy(policy, nullptr, optimizer, some_groups(), config, 0.0, 1.0, 0, 0, team);
  CHECK(policy.num_forwards() == 1 + 3);
  CHECK(twice.cost.scored_tokens == 4 * (3 + 10));
  CHECK(policy.version() == 3);
}

TEST_CASE("on policy the loss is minus the weighted mean advantage and nothing is clipped",
          "[rl][update]") {
  const auto groups = some_groups();
  double sum = 0.0;
  double tokens = 0.0;
  for (const Group& group : groups) {
    for (size_t i = 0; i < group.completions.size(); ++i) {
      const auto n = static_cast<double>(group.completions[i].tokens.size());
      sum += n * group.advantages[i];
      tokens += n;
    }
  }
  const auto metrics = update({}, groups).result.metrics;
  CHECK(metrics.at("loss") == Approx(-sum / tokens).epsilon(1e-5));
  CHECK(metrics.at("policy_loss") == Approx(metrics.at("loss")));
  CHECK(metrics.at("clip_ratio/region_mean") == 0.0);
  CHECK(metrics.at("grad_norm") > 0.0);
  CHECK(metrics.at("entropy") > 0.0);
  CHECK(metrics.count("kl") == 0);
  CHECK(metrics.at("skipped_steps/empty") == 0.0);
  CHECK(metrics.at("skipped_steps/not_finite") == 0.0);
}

TEST_CASE("masked truncated completions leave loss and denominators", "[rl][update]") {
  AlgorithmConfig config;
  config.mask_truncated = true;
  auto groups = some_groups();
  const Run masked = update(config, groups);
  // The same as if it had never been there, advantages kept.
  Group& group = groups[1];
  group.completions.pop_back();
  group.rewards.pop_back();
  group.advantages.pop_back();
  check_close(masked.gradients, update({}, groups).gradients);
}

TEST_CASE("failed completions are left out", "[rl][update]") {
  auto groups = some_groups();
  rollout::Completion failed;
  failed.tokens = {1, 2};
  failed.finish = rollout::FinishReason::failed;
  groups[0].completions.push_back(failed);
  groups[0].rewards.push_back(1.0);
  groups[0].advantages.push_back(1.0);
  check_bits(update({}, groups).gradients, update({}, some_groups()).gradients);
}

TEST_CASE("leaving out completions without advantage changes no gradient", "[rl][update]") {
  AlgorithmConfig config;
  const Run all = update(config, some_groups());
  config.skip_zero_advantage = true;
  const Run fewer = update(config, some_groups());
  check_close(all.gradients, fewer.gradients);
  CHECK(fewer.result.cost.trained_tokens == all.result.cost.trained_tokens - 13);
  config.kl_coef = 0.1;
  CHECK(update(config, some_groups()).result.cost.trained_tokens == all.result.cost.trained_tokens);
}

TEST_CASE("sampler logprobs are compared and weigh the loss", "[rl][update]") {
  auto groups = some_groups();
  for (Group& group : groups) {
    for (auto& completion : group.completions) {
      completion.policy_logprobs.assign(completion.tokens.size(), -2.0F);
      completion.policy_version = -1;
    }
  }
  groups[0].completions[0].policy_logprobs.clear();
  AlgorithmConfig config;
  const Run plain = update(config, groups);
  CHECK(plain.result.metrics.at("sampling/logp_difference/max") > 0.0);
  CHECK(plain.result.metrics.at("sampling/exact_share") == 0.0);
  CHECK(plain.result.metrics.count("mismatch/weight_mean") == 0);
  config.mismatch = {.mode = "token_truncate", .max = 0.5, .min = 0.5};
  groups[0].completions[0].policy_logprobs.assign(2, -2.0F);
  const Run halved = update(config, groups);
  CHECK(halved.result.metrics.at("mismatch/weight_mean") == Approx(0.5));
  for (size_t i = 0; i < plain.gradients.size(); ++i) {
    CHECK(at::allclose(halved.gradients[i] * 2.0, plain.gradients[i], 1e-5, 1e-7));
  }
}

TEST_CASE("a loss that is not a number skips the step and says so", "[rl][update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  policy.parameters()[2].value.mutable_data_ptr<float>()[0] =
      std::numeric_limits<float>::quiet_NaN();
  const auto before = policy.copy_values();
  const auto result =
      update_policy(policy, nullptr, optimizer, some_groups(), {}, 0.1, 1.0, 0, 0, team);
  CHECK(result.skipped.num_not_finite == 1);
  CHECK(result.skipped.num_empty == 0);
  CHECK(result.skipped.reason == "the loss of microbatch 1 of 1 is nan");
  CHECK(result.metrics.at("skipped_steps/not_finite") == 1.0);
  CHECK(result.metrics.count("loss") == 0);
  CHECK(policy.version() == 0);
  CHECK(optimizer.step_count() == 0);
  CHECK(at::equal(policy.parameters()[0].value, before[0]));
}

TEST_CASE("a batch with nothing to train on is a skipped step", "[rl][update]") {
  CHECK(update({}, {}).result.skipped.num_empty == 1);
  auto groups = some_groups();
  for (Group& group : groups) {
    for (auto& completion : group.completions) completion.finish = rollout::FinishReason::failed;
  }
  const Run failed = update({}, groups, 0.1);
  CHECK(failed.result.skipped.num_empty == 1);
  CHECK(failed.result.skipped.num_not_finite == 0);
  CHECK(failed.result.skipped.reason.find("all failed") != std::string::npos);
  check_bits(failed.values, TinyPolicy(1).copy_values());

  AlgorithmConfig config;
  config.mask_truncated = true;
  for (Group& group : groups) {
    for (auto& completion : group.completions) completion.finish = rollout::FinishReason::length;
  }
  CHECK(update(config, groups).result.skipped.reason.find("truncated") != std::string::npos);
}

TEST_CASE("several steps on a batch clip tokens and lower the loss", "[rl][update]") {
  AlgorithmConfig config;
  config.epochs = 8;
  const auto metrics = update(config, some_groups(), 0.05).result.metrics;
  CHECK(metrics.at("clip_ratio/high_mean") > 0.0);
  CHECK(metrics.at("clip_ratio/low_mean") > 0.0);
  CHECK(metrics.at("loss") < update({}, some_groups()).result.metrics.at("loss"));
}

TEST_CASE("staleness is counted in policy versions", "[rl][update]") {
  auto groups = some_groups();
  groups[0].completions[0].policy_version = 0;
  groups[0].completions[1].policy_version = 0;
  const auto metrics = update({}, groups).result.metrics;
  CHECK(metrics.at("staleness/mean") == 0.0);
  CHECK(metrics.at("staleness/max") == 0.0);
}

TEST_CASE("records that contradict each other are refused by their prompt", "[rl][update]") {
  auto groups = some_groups();
  SECTION("advantages are missing") {
    groups[1].advantages.pop_back();
  }
  SECTION("sampler logprobs do not match the tokens") {
    groups[1].completions[0].policy_logprobs = {-1.0F};
  }
  SECTION("an advantage is not finite") {
    groups[1].advantages[0] = HUGE_VAL;
  }
  SECTION("the prompt has no tokens") {
    groups[1].prompt.tokens.clear();
  }
  CHECK_THROWS_WITH(update({}, groups), Catch::Contains("prompt bb"));
}

TEST_CASE("greedy temperature and a missing reference are refused", "[rl][update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  CHECK_THROWS_AS(
      update_policy(policy, nullptr, optimizer, some_groups(), {}, 0.0, 0.0, 0, 0, team),
      ArgumentError);
  CHECK_THROWS_AS(
      update_policy(policy, nullptr, optimizer, some_groups(), everything(), 0.0, 1.0, 0, 0, team),
      ArgumentError);
  AlgorithmConfig config;
  config.aggregation = Aggregation::sequence_mean_constant;
  CHECK_THROWS_AS(update(config, some_groups()), ConfigError);
}
