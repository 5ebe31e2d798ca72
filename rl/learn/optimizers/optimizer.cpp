#include "rl/learn/optimizers/optimizer.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
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

constexpr int64_t kMessageElements = int64_t{4} << 20;

/// The rank that has each parameter's moments: parameters in succession, about as many values each.
std::vector<int> owners_of(const std::vector<Parameter>& parameters, int num_ranks) {
  int64_t total = 0;
  for (const auto& parameter : parameters) total += parameter.value.numel();
  std::vector<int> owners;
  int64_t before = 0;
  for (const auto& parameter : parameters) {
    const int64_t middle = before + parameter.value.numel() / 2;
    owners.push_back(static_cast<int>(
        std::min<int64_t>(num_ranks - 1, middle * num_ranks / std::max<int64_t>(1, total))));
    before += parameter.value.numel();
  }
  return owners;
}

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

Optimizer::Optimizer(policy::Policy& policy, const OptimizerConfig& config, Communicator* ranks)
    : policy_(policy),
      config_(config),
      ranks_(ranks != nullptr && ranks->size() > 1 ? ranks : nullptr) {
  const at::NoGradGuard no_grad;
  if (ranks_ != nullptr) owners_ = owners_of(policy.parameters(), ranks_->size());
  for (size_t i = 0; i < policy.parameters().size(); ++i)
    states_.push_back(ranks_ == nullptr || owners_[i] == ranks_->rank() ? make_state(i) : nullptr);
  if (states_.empty()) {
    throw ArgumentError(
        "optimizer: the policy has no parameters to train; load it with Purpose::training");
  }
}

std::unique_ptr<AdamWState> Optimizer::make_state(size_t i) const {
  return adamw_kinds().at(config_.kind).make(policy_.parameters()[i].value, i);
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
    if (!states_[i]) continue;
    const Parameter& parameter = parameters[i];
    // Norms and biases stay as large as the gradient makes them.
    step.weight_decay = parameter.value.dim() > 1 ? static_cast<float>(config_.weight_decay) : 0.0F;
    states_[i]->step(parameter.value, parameter.grad, step, team);
  }
  if (ranks_ != nullptr) share_values();
  return result;
}

// Parameters of one owner follow each other: few, large messages.
void Optimizer::share_values() const {
  std::vector<Parameter>& parameters = policy_.parameters();
  for (size_t begin = 0, end = 0; begin < parameters.size(); begin = end) {
    int64_t count = 0;
    while (end < parameters.size() && owners_[end] == owners_[begin] &&
           (end == begin || count + parameters[end].value.numel() <= kMessageElements))
      count += parameters[end++].value.numel();
    at::Tensor message = at::empty({count}, at::kFloat);
    const auto copy = [&](bool to_message) {
      int64_t place = 0;
      for (size_t i = begin; i < end; ++i) {
        const at::Tensor value = parameters[i].value.view({-1});
        at::Tensor part = message.narrow(0, place, value.numel());
        if (to_message)
          part.copy_(value);
        else
          value.copy_(part);
        place += value.numel();
      }
    };
    const bool is_own = owners_[begin] == ranks_->rank();
    if (is_own) copy(true);
    ranks_->broadcast(message, owners_[begin]);
    if (!is_own) copy(false);
  }
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
    if (!states_[i]) continue;
    const std::string& parameter = policy_.parameters()[i].name;
    for (auto& [name, tensor] : states_[i]->tensors()) {
      tensors.emplace_back(parameter + "." + name, std::move(tensor));
    }
  }
  return tensors;
}

Optimizer::NamedState Optimizer::all_state_tensors() const {
  if (ranks_ == nullptr) return state_tensors();
  const at::NoGradGuard no_grad;
  NamedState tensors;
  for (size_t i = 0; i < states_.size(); ++i) {
    const auto others = states_[i] ? nullptr : make_state(i);
    for (auto& [name, tensor] : (states_[i] ? states_[i] : others)->tensors()) {
      at::Tensor host = tensor.cpu().view({-1});
      ranks_->broadcast(host, owners_[i]);
      tensors.emplace_back(policy_.parameters()[i].name + "." + name, host.view(tensor.sizes()));
    }
  }
  return tensors;
}

void Optimizer::read_shared_state(
    const std::function<void(const std::string&, at::Tensor&)>& read) {
  const at::NoGradGuard no_grad;
  for (size_t i = 0; i < states_.size(); ++i) {
    const auto others = states_[i] ? nullptr : make_state(i);
    for (auto& [name, tensor] : (states_[i] ? states_[i] : others)->tensors()) {
      at::Tensor host = tensor.cpu();
      if (ranks_->rank() == 0) read(policy_.parameters()[i].name + "." + name, host);
      at::Tensor flat = host.view({-1});
      ranks_->broadcast(flat, 0);
      if (states_[i] && !host.is_alias_of(tensor)) tensor.copy_(host);
    }
  }
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
