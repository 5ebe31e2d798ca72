#include "rl/learn/mixture_training.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <numeric>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/stages/text_update.h"
#include "rl/update/update.h"
#include "tests/catch.h"
#include "tests/policy/tiny_mixture_model.h"
#include "tests/rl/sample_groups.h"
#include "tests/rl/tiny_policy.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

constexpr int64_t kVocabulary = 17;

std::unique_ptr<policy::Policy> mixture_policy(ThreadTeam& team, policy::PolicyConfig config = {}) {
  return policy::Policy::initialize(config, tiny_mixture_config(kVocabulary), 5, team);
}

std::vector<TextExample> examples() {
  std::vector<TextExample> list;
  for (int n = 0; n < 6; ++n) {
    TextExample example;
    for (int i = 0; i < 9 + n; ++i) example.tokens.push_back((i * i + n * 5) % kVocabulary);
    example.is_target.assign(example.tokens.size(), 1);
    list.push_back(example);
  }
  return list;
}

UpdateResult step(policy::Policy& policy, const MixtureTraining& mixture, int64_t microbatch_tokens,
                  double learning_rate, ThreadTeam& team) {
  Optimizer optimizer(policy, {});
  return update_on_text(policy, optimizer, examples(), microbatch_tokens, learning_rate, team, 0.0,
                        mixture);
}

std::vector<float> bias_of(const policy::Policy& policy, size_t mixture) {
  const auto value = policy.buffers()[mixture].value;
  const auto* data = value.const_data_ptr<float>();
  return {data, data + value.numel()};
}

double largest(const at::Tensor& t) {
  return t.abs().max().item<double>();
}

/// What `resolve` says against a setting; empty: nothing.
std::string refusal(const MixtureConfig& config, const policy::Policy& policy) {
  try {
    resolve(config, policy, "rl.moe", false);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("after a step biases rise for experts below the mean load and fall above it",
          "[rl][mixture]") {
  ThreadTeam team(1);
  for (const int64_t microbatch_tokens : {1000, 20}) {
    const auto policy = mixture_policy(team);
    const auto result = step(*policy, {0.25, 0.0, false}, microbatch_tokens, 0.0, team);
    for (size_t m = 0; m < 2; ++m) {
      const auto& load = result.lists.at("moe/load/" + std::to_string(m + 1));
      REQUIRE(load.size() == 8);
      const int64_t total = std::accumulate(load.begin(), load.end(), int64_t{0});
      // The last token of a text has no row.
      int64_t rows = 0;
      for (const auto& example : examples()) rows += std::ssize(example.tokens) - 1;
      CHECK(total == 2 * rows);
      const auto bias = bias_of(*policy, m);
      for (size_t e = 0; e < 8; ++e) {
        const int64_t below = total - 8 * load[e];
        CHECK(bias[e] == (below > 0 ? 0.25F : below < 0 ? -0.25F : 0.0F));
      }
    }
    CHECK(result.metrics.at("moe/load_max_over_mean/max") >=
          result.metrics.at("moe/load_max_over_mean/mean"));
    CHECK(result.metrics.at("moe/entropy") > 0.0);
    CHECK(result.metrics.at("moe/entropy") < std::log(8.0));
    CHECK_FALSE(result.metrics.contains("moe/balance_loss"));
  }
}

TEST_CASE("moving biases makes the load of a mixture even", "[rl][mixture]") {
  ThreadTeam team(1);
  const auto policy = mixture_policy(team);
  const double before =
      step(*policy, {0.02, 0.0, false}, 1000, 0.0, team).metrics.at("moe/load_max_over_mean/mean");
  UpdateResult result;
  for (int i = 0; i < 60; ++i) result = step(*policy, {0.02, 0.0, false}, 1000, 0.0, team);
  CHECK(before > 1.5);
  CHECK(result.metrics.at("moe/load_max_over_mean/mean") < 0.8 * before);
}

TEST_CASE("the balance loss is one sum however the batch is cut", "[rl][mixture]") {
  ThreadTeam team(1);
  const MixtureTraining balanced{0.0, 0.5, false};
  const auto whole = mixture_policy(team);
  const auto cut = mixture_policy(team);
  const auto plain = mixture_policy(team);
  const auto result = step(*whole, balanced, 1000, 0.0, team);
  const auto again = step(*cut, balanced, 20, 0.0, team);
  step(*plain, {}, 1000, 0.0, team);
  CHECK(result.metrics.at("moe/balance_loss") == Approx(again.metrics.at("moe/balance_loss")));
  // Two mixtures, each at least alpha: that is what an even load gives.
  CHECK(result.metrics.at("moe/balance_loss") > 0.9);
  double moved = 0.0;
  for (size_t i = 0; i < whole->parameters().size(); ++i) {
    const auto& grad = whole->parameters()[i].grad;
    CHECK(largest(grad - cut->parameters()[i].grad) < 1e-5 * std::max(1.0, largest(grad)));
    moved = std::max(moved, largest(grad - plain->parameters()[i].grad));
  }
  CHECK(moved > 1e-3);
}

TEST_CASE("biases are frozen but in pre-training, unless a setting says otherwise",
          "[rl][mixture]") {
  ThreadTeam team(1);
  const auto policy = mixture_policy(team);
  CHECK(resolve({}, *policy, "text.moe", true).bias_rate == 0.001);
  CHECK(resolve({}, *policy, "text.moe", true).balance_loss == 1e-4);
  CHECK(resolve({}, *policy, "rl.moe", false).bias_rate == 0.0);
  CHECK(resolve({}, *policy, "rl.moe", false).balance_loss == 0.0);
  MixtureConfig config;
  config.bias_rate = 0.01;
  CHECK(resolve(config, *policy, "rl.moe", false).bias_rate == 0.01);
  config.bias_rate = 0.0;
  CHECK(resolve(config, *policy, "text.moe", true).bias_rate == 0.0);
}

TEST_CASE("balancing that a model can not follow is refused by key", "[rl][mixture]") {
  ThreadTeam team(1);
  MixtureConfig bias;
  bias.bias_rate = 0.01;
  MixtureConfig loss;
  loss.balance_loss = 0.01;
  const TinyPolicy dense(1);
  CHECK(refusal(bias, dense).find("rl.moe.bias_rate") == 0);
  CHECK(refusal(loss, dense).find("rl.moe.balance_loss") == 0);
  CHECK(refusal({}, dense).empty());
  const auto unbiased =
      policy::Policy::initialize({}, tiny_softmax_mixture_config(kVocabulary), 5, team);
  CHECK(refusal(bias, *unbiased).find("rl.moe.bias_rate") == 0);
  CHECK(refusal(loss, *unbiased).empty());
  CHECK(resolve({}, *unbiased, "text.moe", true).bias_rate == 0.0);
}

TEST_CASE("the sampler's choices stand beside the packed rows", "[rl][mixture][pack]") {
  const std::vector<int32_t> prompt{1, 2};
  const std::vector<int32_t> tokens{3, 4, 5};
  const std::vector<uint16_t> prompt_experts{0, 1, 2, 3};
  const std::vector<uint16_t> experts{4, 5};
  PackItem item;
  item.prefix_id = 0;
  item.prefix = prompt;
  item.tokens = tokens;
  item.prefix_experts = prompt_experts;
  item.experts = experts;
  const auto microbatches = pack(std::vector{item, item}, 100, 2, 1);
  REQUIRE(microbatches.size() == 1);
  const auto& choices = microbatches[0].experts;
  CHECK(choices.layers == 2);
  CHECK(choices.num_rows() == microbatches[0].batch.num_rows());
  const uint16_t none = policy::ExpertChoices::kUnknown;
  CHECK(choices.experts == std::vector<uint16_t>{0, 1, 2, 3, 4, 5, none, none, 4, 5, none, none});
}

TEST_CASE("an update compares kept choices with its own, and obeys them where told to",
          "[rl][mixture]") {
  ThreadTeam team(1);
  std::map<RoutingUse, double> losses;
  for (const RoutingUse use : {RoutingUse::off, RoutingUse::compare, RoutingUse::replay}) {
    const auto policy = mixture_policy(team);
    Optimizer optimizer(*policy, {});
    std::vector<Group> groups{sample_group("a", {1.0, 0.0, 0.5})};
    AlgorithmConfig config;
    config.routing = use;
    config.epochs = 2;
    config.entropy_coef = 0.1;
    if (use != RoutingUse::off) {
      // Experts 6 and 7 for every row of both mixtures.
      const auto rows_of = [](size_t rows) {
        std::vector<uint16_t> experts;
        for (size_t i = 0; i < rows * 2; ++i) experts.insert(experts.end(), {6, 7});
        return experts;
      };
      groups[0].prompt.experts = rows_of(groups[0].prompt.tokens.size());
      for (auto& completion : groups[0].completions)
        completion.experts = rows_of(completion.tokens.size() - 1);
    }
    assign_advantages(groups, config);
    const auto result =
        update_policy(*policy, nullptr, optimizer, groups, config, 0.0, 1.0, 1, 1, team);
    REQUIRE(result.metrics.contains("moe/replay_difference") == (use != RoutingUse::off));
    losses[use] = result.metrics.at("loss");
    if (use == RoutingUse::off) continue;
    CHECK(result.metrics.at("moe/replay_difference") > 0.2);
    const auto& load = result.lists.at("moe/load/2");
    CHECK((load[6] == load[7] && load[0] + load[1] + load[5] == 0) == (use == RoutingUse::replay));
    if (use == RoutingUse::replay) {
      groups[0].completions[0].experts.pop_back();
      CHECK_THROWS_AS(
          update_policy(*policy, nullptr, optimizer, groups, config, 0.0, 1.0, 1, 1, team),
          ArgumentError);
    }
  }
  CHECK(losses[RoutingUse::off] == losses[RoutingUse::compare]);
  CHECK(losses[RoutingUse::off] != losses[RoutingUse::replay]);
}

TEST_CASE("splitting a group into microbatches changes neither balance loss nor counts nor biases",
          "[rl][moe]") {
  std::vector<Group> groups{sample_group("a", {1.0, 0.0, 0.0, 1.0}),
                            sample_group("b", {0.0, 1.0, 0.5, 0.0})};
  assign_advantages(groups, {});
  AlgorithmConfig config;
  config.moe.balance_loss = 0.5;
  config.moe.bias_rate = 0.01;
  ThreadTeam team(1);
  const auto run = [&](int64_t microbatch_tokens) {
    config.microbatch_tokens = microbatch_tokens;
    const auto policy = mixture_policy(team);
    Optimizer optimizer(*policy, {});
    auto result = update_policy(*policy, nullptr, optimizer, groups, config, 0.0, 1.0, 1, 1, team);
    return std::pair(std::move(result), bias_of(*policy, 0));
  };
  const auto [whole, whole_bias] = run(4096);
  for (const int64_t rows : {8, 5, 1}) {
    INFO("microbatch_tokens " << rows);
    const auto [split, split_bias] = run(rows);
    CHECK(split.metrics.at("moe/balance_loss") ==
          Approx(whole.metrics.at("moe/balance_loss")).epsilon(1e-5));
    CHECK(split.metrics.at("moe/entropy") == Approx(whole.metrics.at("moe/entropy")));
    CHECK(split.metrics.at("grad_norm") == Approx(whole.metrics.at("grad_norm")).epsilon(1e-4));
    CHECK(split.lists == whole.lists);
    CHECK(split_bias == whole_bias);
  }
}
