// What an update leaves alone, and how it is given up.

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>

#include <stop_token>
#include <vector>

#include "rl/algorithms/advantages/advantage.h"
#include "rl/learn/weight_keeper.h"
#include "rl/update/update.h"
#include "tests/catch.h"
#include "tests/rl/sample_groups.h"
#include "tests/rl/tiny_policy.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

std::vector<Group> graded_groups() {
  std::vector<Group> groups{sample_group("a", {1.0, 0.0, 0.0, 1.0}),
                            sample_group("bb", {0.0, 0.0, 1.0, 0.5})};
  assign_advantages(groups, {});
  return groups;
}

UpdateCost cost_of(const AlgorithmConfig& config) {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  return update_policy(policy, nullptr, optimizer, graded_groups(), config, 0.0, 1.0, 1, 1, team)
      .cost;
}

void check_same_bits(const std::vector<at::Tensor>& a, const std::vector<at::Tensor>& b) {
  for (size_t i = 0; i < a.size(); ++i) CHECK(at::equal(a[i], b[i]));
}

/// Requests a stop when it was read a given number of times: somewhere in an update.
class StoppingClock : public Clock {
 public:
  StoppingClock(std::stop_source& stop, int reads) : stop_(stop), reads_(reads) {}
  double now_s() const override {
    if (--reads_ == 0) stop_.request_stop();
    return 0.0;
  }
  double wall_s() const override { return 0.0; }

 private:
  std::stop_source& stop_;
  mutable int reads_;
};

}  // namespace

TEST_CASE("a step without any signal takes no optimizer step and says so", "[rl][update]") {
  TinyPolicy policy(1);
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  const auto take = [&](const std::vector<double>& rewards, const AlgorithmConfig& config) {
    std::vector<Group> groups{sample_group("a", rewards)};
    assign_advantages(groups, config);
    return update_policy(policy, nullptr, optimizer, groups, config, 1e-2, 1.0, 1, 1, team);
  };
  take({1.0, 0.0, 0.0, 1.0}, {});  // momentum
  const auto before = policy.copy_values();
  const int64_t version = policy.version();
  const auto silent = take({0.5, 0.5, 0.5, 0.5}, {});
  check_same_bits(before, policy.copy_values());
  CHECK(policy.version() == version);
  CHECK(optimizer.step_count() == 1);
  CHECK(silent.num_steps == 0);
  CHECK(silent.metrics.at("skipped_steps/empty") == 1.0);
  CHECK(silent.metrics.at("grad_norm") == 0.0);
  CHECK(silent.metrics.contains("entropy"));
  AlgorithmConfig bonus;
  bonus.entropy_coef = 0.01;
  CHECK(take({0.5, 0.5, 0.5, 0.5}, bonus).num_steps == 1);
}

TEST_CASE("an update is given up between microbatches, and the weights are those of before",
          "[rl][update]") {
  ThreadTeam team(1);
  for (const int epochs : {1, 3}) {
    TinyPolicy policy(1);
    Optimizer optimizer(policy, {});
    WeightKeeper keeper(policy, optimizer);
    AlgorithmConfig config;
    config.epochs = epochs;
    config.microbatch_tokens = 1;
    update_policy(policy, nullptr, optimizer, graded_groups(), config, 1e-2, 1.0, 1, 1, team);
    const auto before = policy.copy_values();
    const auto steps = optimizer.step_count();
    std::stop_source stop;
    const StoppingClock clock(stop, epochs == 1 ? 7 : 40);
    keeper.begin(epochs);
    CHECK_THROWS_AS(update_policy(policy, nullptr, optimizer, graded_groups(), config, 1e-2, 1.0, 1,
                                  2, team, {clock, nullptr, &keeper, stop.get_token()}),
                    Stopped);
    CHECK(keeper.restore(team));
    check_same_bits(before, policy.copy_values());
    CHECK(optimizer.step_count() == steps);
  }
}

TEST_CASE("FLOPs of an update count every pass", "[rl][update]") {
  AlgorithmConfig config;
  const auto once = cost_of(config);
  config.epochs = 4;
  const auto four = cost_of(config);
  CHECK(once.scored_flops == 0.0);
  CHECK(four.trained_flops == Approx(4.0 * once.trained_flops));
  // Forward passes alone: less than a third of forward and backward ones.
  CHECK(four.scored_flops > 0.2 * once.trained_flops);
  CHECK(four.scored_flops < once.trained_flops / 3.0);
}

TEST_CASE("adapters that training starts from are the reference", "[rl][update]") {
  TinyPolicy policy(1);
  const auto start = policy.copy_values();
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  AlgorithmConfig config;
  config.kl_coef = 0.3;
  const auto kl = [&] {
    return update_policy(policy, Reference(start), optimizer, graded_groups(), config, 1e-2, 1.0, 1,
                         1, team)
        .metrics.at("kl");
  };
  CHECK(kl() == 0.0);
  CHECK(kl() > 0.0);
}
