#include "rl/learn/optimizers/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"

namespace gradus::rl {
namespace {

using policy::Parameter;

/// As torch.nn.utils.clip_grad_norm_.
constexpr double kClipFloor = 1e-6;

double sum_squares(const at::Tensor& grad, ThreadTeam& team) {
  if (grad.is_cpu()) {
    return policy::kernels::sum_squares(team, grad.const_data_ptr<float>(), grad.numel());
  }
  return grad.to(at::kDouble).square().sum().item<double>();
}

void check_moment(const std::string& name, const at::Tensor& given, const at::Tensor& wanted) {
  if (given.sizes() == wanted.sizes() && given.scalar_type() == wanted.scalar_type()) return;
  throw ArgumentError(fmt::format(
      "optimizer state {}: is {} of shape {}, must be {} of shape {}; it belongs to another model, "
      "set of adapters or kind of optimizer",
      name, c10::toString(given.scalar_type()), fmt::join(given.sizes().vec(), "x"),
      c10::toString(wanted.scalar_type()), fmt::join(wanted.sizes().vec(), "x")));
}

/// The global norm, or the first parameter whose gradient has none.
Optimizer::StepResult measure(const std::vector<Parameter>& parameters, ThreadTeam& team) {
  Optimizer::StepResult result;
  double squares = 0.0;
  for (const Parameter& parameter : parameters) {
    const double part = sum_squares(parameter.grad, team);
    if (!std::isfinite(part) && !result.was_skipped) {
      result.was_skipped = true;
      result.skip_reason = fmt::format("the gradient of {} is not finite", parameter.name);
    }
    squares += part;
  }
  result.grad_norm = std::sqrt(squares);
  return result;
}

}  // namespace

Optimizer::Optimizer(policy::Policy& policy, const OptimizerConfig& config)
    : policy_(policy), config_(config) {
  const at::NoGradGuard no_grad;
  const AdamWKind& kind = adamw_kinds().at(config.kind);
  for (const Parameter& parameter : policy.parameters()) {
    states_.push_back(kind.make(parameter.value, states_.size()));
  }
  if (states_.empty()) {
    throw ArgumentError(
        "optimizer: the policy has no parameters to train; load it with Purpose::training");
  }
}

void Optimizer::zero_gradients() {
  const at::NoGradGuard no_grad;
  for (Parameter& parameter : policy_.parameters()) parameter.grad.zero_();
}

Optimizer::StepResult Optimizer::step(double learning_rate, ThreadTeam& team) {
  const at::NoGradGuard no_grad;
  std::vector<Parameter>& parameters = policy_.parameters();
  StepResult result = measure(parameters, team);
  if (result.was_skipped) return result;

  ++step_count_;
  policy::kernels::AdamWStep step = adamw_settings(learning_rate, result.grad_norm);
  for (size_t i = 0; i < states_.size(); ++i) {
    const Parameter& parameter = parameters[i];
    // Norms and biases stay as large as the gradient makes them.
    step.weight_decay = parameter.value.dim() > 1 ? static_cast<float>(config_.weight_decay) : 0.0F;
    states_[i]->step(parameter.value, parameter.grad, step, team);
  }
  return result;
}

policy::kernels::AdamWStep Optimizer::adamw_settings(double learning_rate, double grad_norm) const {
  policy::kernels::AdamWStep step;
  step.lr = static_cast<float>(learning_rate);
  step.beta1 = static_cast<float>(config_.beta1);
  step.beta2 = static_cast<float>(config_.beta2);
  step.eps = static_cast<float>(config_.eps);
  step.step = step_count_;
  if (config_.max_grad_norm > 0.0) {
    const double scale = config_.max_grad_norm / (grad_norm + kClipFloor);
    step.grad_scale = static_cast<float>(std::min(scale, 1.0));
  }
  return step;
}

std::vector<std::pair<std::string, at::Tensor>> Optimizer::state_tensors() const {
  std::vector<std::pair<std::string, at::Tensor>> tensors;
  for (size_t i = 0; i < states_.size(); ++i) {
    const std::string& parameter = policy_.parameters()[i].name;
    for (auto& [name, tensor] : states_[i]->tensors()) {
      tensors.emplace_back(parameter + "." + name, std::move(tensor));
    }
  }
  return tensors;
}

void Optimizer::load_state(const std::map<std::string, at::Tensor>& tensors, int64_t step_count) {
  const at::NoGradGuard no_grad;
  const auto state = state_tensors();
  for (const auto& [name, moment] : state) {
    const auto given = tensors.find(name);
    if (given == tensors.end()) {
      throw ArgumentError(fmt::format("optimizer state: {} is missing", name));
    }
    check_moment(name, given->second, moment);
  }
  if (tensors.size() != state.size()) {
    throw ArgumentError(
        fmt::format("optimizer state: holds {} tensors, the policy's parameters need {}",
                    tensors.size(), state.size()));
  }
  if (step_count < 0) {
    throw ArgumentError(fmt::format("optimizer state: step count is {}", step_count));
  }
  for (const auto& [name, moment] : state) moment.copy_(tensors.at(name));
  step_count_ = step_count;
}

int64_t Optimizer::state_bytes() const {
  int64_t bytes = 0;
  for (const auto& [name, tensor] : state_tensors()) bytes += tensor.nbytes();
  return bytes;
}

}  // namespace gradus::rl
