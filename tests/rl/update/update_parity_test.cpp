#include <ATen/core/grad_mode.h>
#include <ATen/ops/allclose.h>

#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/learn/gradient_pass.h"
#include "rl/learn/pack.h"
#include "rl/update/update.h"
#include "tests/catch.h"
#include "tests/rl/vectors.h"
#include "tests/support/fixtures.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

constexpr double kTemperature = 0.8;

std::unique_ptr<policy::Policy> load(policy::Compute compute, ThreadTeam& team) {
  policy::PolicyConfig config;
  config.path = tests::fixture("parity/llama_gqa_tied_llama3").string();
  config.compute = compute;
  return policy::Policy::load(config, policy::Purpose::training, team);
}

/// Logprobs of a completion laid out alone, prompt and all: nothing shared, nothing beside it.
std::vector<float> logprobs_alone(const policy::Policy& policy, const Group& group,
                                  const rollout::Completion& completion, ThreadTeam& team) {
  PackItem item;
  item.prefix_id = 0;
  item.prefix = group.prompt.tokens;
  item.tokens = completion.tokens;
  UpdateCost cost;
  const auto scored = score_tokens({policy, kTemperature}, pack(std::vector{item}, 1000),
                                   static_cast<int64_t>(completion.tokens.size()), cost, team);
  const float* data = scored.const_data_ptr<float>();
  return {data, data + scored.numel()};
}

/// Three groups of random tokens with sampler logprobs of the policy itself.
std::vector<Group> random_groups(const policy::Policy& policy, ThreadTeam& team) {
  RandomStream random(11);
  const int64_t vocabulary = policy.model_config().vocab_size;
  const auto draw = [&](int64_t n) {
    std::vector<int32_t> tokens;
    while (n-- > 0) tokens.push_back(static_cast<int32_t>(random.below(vocabulary)));
    return tokens;
  };
  std::vector<Group> groups(3);
  for (Group& group : groups) {
    group.prompt.tokens = draw(5 + random.below(20));
    for (int i = 0; i < 4; ++i) {
      rollout::Completion completion;
      completion.tokens = draw(1 + random.below(24));
      completion.finish = rollout::FinishReason::stop;
      completion.policy_logprobs = logprobs_alone(policy, group, completion, team);
      group.completions.push_back(completion);
      group.rewards.push_back(static_cast<double>(random.below(3)));
    }
  }
  assign_advantages(groups, {});
  return groups;
}

std::vector<at::Tensor> gradients(policy::Policy& policy) {
  std::vector<at::Tensor> copies;
  for (const auto& p : policy.parameters()) copies.push_back(p.grad.clone());
  return copies;
}

double largest(const at::Tensor& tensor) {
  return tensor.abs().max().item<double>();
}

}  // namespace

TEST_CASE("native logprobs of packed groups equal those of each completion alone, bit by bit",
          "[rl][update][parity]") {
  ThreadTeam team(2);
  const auto policy = load(policy::Compute::native, team);
  Optimizer optimizer(*policy, {});
  const auto groups = random_groups(*policy, team);
  for (const int64_t rows : {16, 60, 1000}) {
    AlgorithmConfig config;
    config.microbatch_tokens = rows;
    const auto metrics =
        update_policy(*policy, nullptr, optimizer, groups, config, 0.0, kTemperature, 0, 0, team)
            .metrics;
    CHECK(metrics.at("sampling/exact_share") == 1.0);
    CHECK(metrics.at("sampling/logp_difference/max") == 0.0);
    CHECK(metrics.at("sampling/ess") == Approx(1.0));
  }
}

TEST_CASE("the split into microbatches does not change a model's gradient",
          "[rl][update][parity]") {
  ThreadTeam team(2);
  const auto policy = load(policy::Compute::native, team);
  const auto reference = load(policy::Compute::native, team);
  Optimizer optimizer(*policy, {});
  const auto groups = random_groups(*policy, team);
  AlgorithmConfig config;
  config.kl_coef = 0.1;
  config.entropy_coef = 0.01;
  const auto run = [&](int64_t rows) {
    config.microbatch_tokens = rows;
    update_policy(*policy, reference.get(), optimizer, groups, config, 0.0, kTemperature, 0, 0,
                  team);
    return gradients(*policy);
  };
  const auto whole = run(1000);
  for (const int64_t rows : {1, 40}) {
    const auto split = run(rows);
    for (size_t i = 0; i < whole.size(); ++i) {
      INFO(policy->parameters()[i].name);
      CHECK(at::allclose(split[i], whole[i], 1e-4, 1e-5 * largest(whole[i])));
    }
  }
}

TEST_CASE("a model's gradient is the numeric derivative of the loss along itself",
          "[rl][update][parity]") {
  ThreadTeam team(2);
  for (const auto compute : {policy::Compute::native, policy::Compute::reference}) {
    const auto policy = load(compute, team);
    const auto reference = load(compute, team);
    Optimizer optimizer(*policy, {});
    const auto groups = random_groups(*policy, team);
    AlgorithmConfig config;
    config.loss = "reinforce";
    config.kl_coef = 0.2;
    config.kl_gradient = KlGradient::own;
    config.entropy_coef = 0.1;
    const auto loss = [&] {
      return update_policy(*policy, reference.get(), optimizer, groups, config, 0.0, kTemperature,
                           0, 0, team)
          .metrics;
    };
    const double norm = loss().at("grad_norm");
    const auto direction = gradients(*policy);
    // One parameter after another, along its own gradient: d loss = norm of that part.
    for (size_t i = 0; i < direction.size(); ++i) {
      const double part = direction[i].norm().item<double>();
      if (part < 0.05 * norm) continue;
      const auto move = [&](double by) {
        const at::NoGradGuard no_grad;
        policy->parameters()[i].value.add_(direction[i], by / part);
        policy->publish_weights(team);
      };
      const double h = 1e-2;
      move(h);
      const double above = loss().at("loss");
      move(-2 * h);
      const double below = loss().at("loss");
      move(h);
      INFO(policy->parameters()[i].name);
      CHECK((above - below) / (2 * h) == Approx(part).epsilon(0.02));
    }
  }
}

TEST_CASE("steps on a model raise what was rewarded", "[rl][update][parity]") {
  ThreadTeam team(2);
  const auto policy = load(policy::Compute::native, team);
  Optimizer optimizer(*policy, {});
  const auto groups = random_groups(*policy, team);
  AlgorithmConfig config;
  config.epochs = 3;
  config.minibatches = 3;
  const auto first =
      update_policy(*policy, nullptr, optimizer, groups, config, 1e-3, kTemperature, 0, 0, team);
  CHECK(first.skipped.count() == 0);
  CHECK(policy->version() == 9);
  CHECK(first.metrics.at("loss") < 0.0);
  for (const Group& group : groups) {
    double gain = 0.0;
    for (size_t i = 0; i < group.completions.size(); ++i) {
      const auto now = logprobs_alone(*policy, group, group.completions[i], team);
      for (size_t t = 0; t < now.size(); ++t) {
        gain += group.advantages[i] * (now[t] - group.completions[i].policy_logprobs[t]);
      }
    }
    CHECK(gain > 0.0);
  }
}
