#include "rl/learn/optimizers/optimizer.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/error.h"
#include "rl/learn/optimizers/tensor_adamw.h"
#include "tests/catch.h"
#include "tests/rl/tiny_policy.h"
#include "tests/rl/vectors.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

/// A policy with one matrix and one bias of these values.
class TwoTensors : public TinyPolicy {
 public:
  TwoTensors(const std::vector<double>& matrix, const std::vector<double>& bias) : TinyPolicy(1) {
    parameters().clear();
    parameters().push_back({"matrix", floats(matrix).unsqueeze(0), floats(matrix).unsqueeze(0)});
    parameters().push_back({"bias", floats(bias), floats(bias)});
  }
  void set_gradients(const std::vector<double>& matrix, const std::vector<double>& bias) {
    parameters()[0].grad.copy_(floats(matrix).unsqueeze(0));
    parameters()[1].grad.copy_(floats(bias));
  }
};

}  // namespace

TEST_CASE("three clipped steps equal those of torch.optim.AdamW", "[rl][optimizer]") {
  // torch 2.13: AdamW(lr=0.01, weight_decay=0.1 for the matrix, 0 for the bias),
  // clip_grad_norm_(1.0) before each step.
  TwoTensors policy({0.5, -1.25, 2.0}, {0.75, -0.1});
  OptimizerConfig config;
  config.weight_decay = 0.1;
  Optimizer optimizer(policy, config);
  ThreadTeam team(2);
  policy.set_gradients({0.3, -0.2, 0.05}, {0.01, -0.4});
  CHECK(optimizer.step(0.01, team).grad_norm == Approx(0.540925145149231).epsilon(1e-6));
  policy.set_gradients({-0.1, 0.7, 0.0}, {0.2, 0.1});
  CHECK(optimizer.step(0.01, team).grad_norm == Approx(0.7416198253631592).epsilon(1e-6));
  policy.set_gradients({0.25, 0.25, -3.0}, {-0.3, 0.0});
  CHECK(optimizer.step(0.01, team).grad_norm == Approx(3.0356218814849854).epsilon(1e-6));

  const std::vector<double> matrix{0.479918271, -1.2463851, 1.98345077};
  const std::vector<double> bias{0.729678631, -0.0816763192};
  const auto got_matrix = values_of(policy.parameters()[0].value);
  const auto got_bias = values_of(policy.parameters()[1].value);
  // Within two units in the last place.
  for (size_t i = 0; i < 3; ++i) CHECK(got_matrix[i] == Approx(matrix[i]).epsilon(2.4e-7));
  for (size_t i = 0; i < 2; ++i) CHECK(got_bias[i] == Approx(bias[i]).epsilon(2.4e-7));
  CHECK(optimizer.step_count() == 3);
}

TEST_CASE("a gradient that is not finite leaves weights, moments and step count",
          "[rl][optimizer]") {
  TwoTensors policy({0.5, -1.25, 2.0}, {0.75, -0.1});
  Optimizer optimizer(policy, {});
  ThreadTeam team(1);
  policy.set_gradients({0.3, -0.2, 0.05}, {0.01, -0.4});
  optimizer.step(0.01, team);
  const auto values = policy.copy_values();
  const auto moment = optimizer.state_tensors()[1].second.clone();
  for (const double bad : {HUGE_VAL, std::numeric_limits<double>::quiet_NaN()}) {
    policy.set_gradients({0.3, -0.2, 0.05}, {0.01, bad});
    const auto result = optimizer.step(0.01, team);
    CHECK(result.was_skipped);
    CHECK(result.skip_reason == "the gradient of bias is not finite");
  }
  CHECK(optimizer.step_count() == 1);
  CHECK(at::equal(policy.parameters()[0].value, values[0]));
  CHECK(at::equal(policy.parameters()[1].value, values[1]));
  CHECK(at::equal(optimizer.state_tensors()[1].second, moment));
}

TEST_CASE("an optimizer that loads another's state steps to the same bits", "[rl][optimizer]") {
  OptimizerConfig config;
  config.kind = GENERATE("adamw", "adamw_8bit");
  TwoTensors first({0.5, -1.25, 2.0}, {0.75, -0.1});
  Optimizer optimizer(first, config);
  ThreadTeam team(1);
  first.set_gradients({0.3, -0.2, 0.05}, {0.01, -0.4});
  optimizer.step(0.01, team);

  TwoTensors second(values_of(first.parameters()[0].value), values_of(first.parameters()[1].value));
  Optimizer resumed(second, config);
  const auto state = optimizer.state_tensors();
  CHECK(state.size() == (config.kind == "adamw" ? 4 : 8));
  CHECK(state[0].first.starts_with("matrix.exp_avg"));
  resumed.load_state({state.begin(), state.end()}, optimizer.step_count());
  for (auto* policy : {&first, &second}) policy->set_gradients({-0.1, 0.7, 0.0}, {0.2, 0.1});
  optimizer.step(0.02, team);
  resumed.step(0.02, team);
  CHECK(resumed.step_count() == 2);
  CHECK(at::equal(first.parameters()[0].value, second.parameters()[0].value));
  CHECK(at::equal(first.parameters()[1].value, second.parameters()[1].value));
}

TEST_CASE("a state of another model is refused and changes nothing", "[rl][optimizer]") {
  TwoTensors policy({0.5, -1.25, 2.0}, {0.75, -0.1});
  Optimizer optimizer(policy, {});
  const auto own = optimizer.state_tensors();
  std::map<std::string, at::Tensor> state(own.begin(), own.end());
  SECTION("a tensor is missing") {
    state.erase("bias.exp_avg_sq");
  }
  SECTION("a tensor is left over") {
    state["head.exp_avg"] = at::zeros({1}, at::kFloat);
  }
  SECTION("a tensor has another shape") {
    state["bias.exp_avg"] = at::full({3}, 1.0F);
  }
  SECTION("a tensor has another type") {
    state["bias.exp_avg"] = at::zeros({2}, at::kDouble);
  }
  CHECK_THROWS_AS(optimizer.load_state(state, 5), ArgumentError);
  CHECK(optimizer.step_count() == 0);
  CHECK(values_of(own[2].second) == std::vector<double>{0.0, 0.0});
}

TEST_CASE("the state of another kind of optimizer is refused", "[rl][optimizer]") {
  TwoTensors policy({0.5, -1.25, 2.0}, {0.75, -0.1});
  OptimizerConfig config;
  config.kind = "adamw_8bit";
  const auto state = Optimizer(policy, config).state_tensors();
  Optimizer optimizer(policy, {});
  CHECK_THROWS_AS(optimizer.load_state({state.begin(), state.end()}, 1), ArgumentError);
}

TEST_CASE("a policy without parameters cannot be optimized", "[rl][optimizer]") {
  TinyPolicy policy(1);
  policy.parameters().clear();
  CHECK_THROWS_AS(Optimizer(policy, {}), ArgumentError);
}

TEST_CASE("the step in tensor operations equals the kernel's", "[rl][optimizer]") {
  const at::NoGradGuard no_grad;
  ThreadTeam team(1);
  const auto start = floats({0.5, -1.25, 2.0, 1e-3});
  const auto zeros = floats({0.0, 0.0, 0.0, 0.0});
  const auto kernel = std::vector{start.clone(), zeros.clone(), zeros.clone()};
  const auto tensor = std::vector{start.clone(), zeros.clone(), zeros.clone()};
  policy::kernels::AdamWStep step;
  step.lr = 0.01F;
  step.weight_decay = 0.1F;
  step.grad_scale = 0.7F;
  for (const auto& grad : {floats({0.3, -0.2, 0.05, 0.0}), floats({-0.1, 0.7, -3.0, 1e-6})}) {
    policy::kernels::adamw_step(team, kernel[0].mutable_data_ptr<float>(),
                                grad.const_data_ptr<float>(), kernel[1].mutable_data_ptr<float>(),
                                kernel[2].mutable_data_ptr<float>(), 4, step);
    tensor_adamw_step(tensor[0], grad, tensor[1], tensor[2], step);
    ++step.step;
  }
  for (size_t k = 0; k < 3; ++k) {
    for (size_t i = 0; i < 4; ++i) {
      CHECK(values_of(tensor[k])[i] == Approx(values_of(kernel[k])[i]).epsilon(1e-6).margin(1e-12));
    }
  }
}
