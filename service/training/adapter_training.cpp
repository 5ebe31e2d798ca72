#include "service/training/adapter_training.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/tensor.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "policy/formats/safetensors/safetensors.h"
#include "policy/formats/safetensors/safetensors_writer.h"
#include "policy/policy.h"
#include "rl/learn/optimizers/optimizer.h"
#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

/// Rows that go through the model together, unless one sequence alone has more.
constexpr int64_t kMicrobatchRows = 4096;
constexpr const char* kTrainingFile = "training.safetensors";

struct DatumRange {
  size_t begin = 0;
  size_t end = 0;
};

std::vector<DatumRange> cut_data(const std::vector<TrainingDatum>& data) {
  std::vector<DatumRange> ranges;
  int64_t rows = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    const int64_t more = std::ssize(data[i].tokens);
    if (ranges.empty() || rows + more > kMicrobatchRows) {
      ranges.push_back({i, i});
      rows = 0;
    }
    ranges.back().end = i + 1;
    rows += more;
  }
  return ranges;
}

struct LaidRows {
  policy::PackedBatch batch;
  policy::ScoreList scores;
  std::vector<int64_t> sequence;
  std::map<std::string, at::Tensor> given;
};

LaidRows lay_rows(const GradientRequest& request, const DatumRange& range) {
  LaidRows laid;
  std::map<std::string, std::vector<double>> given;
  for (size_t d = range.begin; d < range.end; ++d) {
    const TrainingDatum& datum = request.data[d];
    const int64_t begin = laid.batch.num_rows();
    laid.batch.segments.push_back({begin, std::ssize(datum.tokens), -1});
    for (size_t i = 0; i < datum.tokens.size(); ++i) {
      laid.batch.tokens.push_back(datum.tokens[i]);
      laid.batch.positions.push_back(static_cast<int32_t>(i));
      laid.scores.rows.push_back(begin + static_cast<int64_t>(i));
      laid.scores.targets.push_back(datum.targets[i]);
      laid.sequence.push_back(static_cast<int64_t>(d - range.begin));
    }
    for (const auto& [name, values] : datum.inputs)
      given[name].insert(given[name].end(), values.begin(), values.end());
  }
  for (const auto& [name, values] : given) laid.given[name] = at::tensor(values, at::kDouble);
  return laid;
}

/// One microbatch: its loss, its logprobs into the result, its gradient into the parameters.
double pass_microbatch(const SharedPolicy::Turn& turn, const GradientRequest& request,
                       const DatumRange& range, GradientResult& result) {
  const c10::AutoGradMode with_gradient(!request.forward_only);
  const LaidRows laid = lay_rows(request, range);
  const auto hidden = turn.policy().forward(laid.batch, turn.team());
  const auto logprobs =
      turn.policy().score(hidden, laid.scores, 1.0, turn.team()).logprobs.to(at::kCPU);
  const auto p = logprobs.to(at::kDouble);
  const auto sequence = at::tensor(laid.sequence, at::kLong);
  const auto loss = find_token_loss(request.loss_fn)
                        ->sum({p, laid.given, request.config, sequence,
                               static_cast<int64_t>(range.end - range.begin)});
  const double value = loss.item<double>();
  if (!std::isfinite(value))
    throw RequestError(fmt::format("the loss is {}: logprobs and advantages do not fit", value));
  if (!request.forward_only) loss.backward();
  const auto kept = logprobs.detach().contiguous();
  const float* next = kept.const_data_ptr<float>();
  for (size_t d = range.begin; d < range.end; ++d) {
    const size_t count = request.data[d].tokens.size();
    result.logprobs.emplace_back(next, next + count);
    next += count;
  }
  return value;
}

void zero_parameters(policy::Policy& policy) {
  const at::NoGradGuard no_grad;
  for (auto& parameter : policy.parameters()) parameter.grad.zero_();
}

bool holds(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

policy::RawTensor raw_floats(const std::string& name, const at::Tensor& tensor) {
  return policy::narrow(
      policy::float_tensor(name, tensor.sizes().vec(),
                           {tensor.const_data_ptr<float>(), static_cast<size_t>(tensor.numel())}),
      policy::DType::F32);
}

}  // namespace

void check_loss(const WireForwardBackward& wire, const std::vector<TrainingDatum>& data) {
  const TokenLoss* loss = find_token_loss(wire.loss_fn);
  if (loss == nullptr) throw RequestError("loss_fn: must be one of " + token_loss_names());
  for (const auto& key : wire.text_config)
    throw RequestError("loss_fn_config." + key + ": must be a number");
  for (const auto& [key, value] : wire.config) {
    if (!holds(loss->config, key))
      throw RequestError("loss_fn_config." + key + ": is no setting of this loss");
    if (!std::isfinite(value) || value < 0.0)
      throw RequestError("loss_fn_config." + key + ": must be a finite number of at least 0");
  }
  for (size_t i = 0; i < data.size(); ++i) {
    for (const auto name : loss->needs)
      if (!data[i].inputs.contains(std::string(name)))
        throw RequestError(fmt::format("data[{}].loss_fn_inputs: {} are missing", i, name));
    for (const auto& [name, values] : data[i].inputs) {
      if (!holds(loss->needs, name) && !holds(loss->allows, name))
        throw RequestError(
            fmt::format("data[{}].loss_fn_inputs.{}: is no input of this loss", i, name));
      if (!data.front().inputs.contains(name))
        throw RequestError(
            fmt::format("data[{}].loss_fn_inputs.{}: must be given for all or none", i, name));
    }
    if (data[i].inputs.size() != data.front().inputs.size())
      throw RequestError(fmt::format("data[{}].loss_fn_inputs: must be those of data[0]", i));
  }
}

GradientResult add_gradient(const SharedPolicy::Turn& turn, AdapterState& state,
                            const GradientRequest& request) {
  turn.put(state.values);
  auto& policy = turn.policy();
  if (!request.forward_only) zero_parameters(policy);
  GradientResult result;
  double sum = 0.0;
  for (const auto& range : cut_data(request.data))
    sum += pass_microbatch(turn, request, range, result);
  result.metrics["loss:sum"] = sum;
  if (request.forward_only) return result;
  const at::NoGradGuard no_grad;
  auto gradient = std::make_shared<AdapterValues>();
  bool is_finite = true;
  for (size_t i = 0; i < policy.parameters().size(); ++i) {
    const auto& grad = policy.parameters()[i].grad;
    gradient->push_back(state.gradient ? (*state.gradient)[i] + grad : grad.clone());
    is_finite = is_finite && gradient->back().isfinite().all().item<bool>();
  }
  if (!is_finite)
    throw RequestError("the gradient is not finite: weights or advantages are too large");
  state.gradient = std::move(gradient);
  return result;
}

double take_step(const SharedPolicy::Turn& turn, AdapterState& state, const AdamSettings& adam) {
  const at::NoGradGuard no_grad;
  turn.put(state.values);
  turn.forget();
  auto& policy = turn.policy();
  auto& parameters = policy.parameters();
  rl::OptimizerConfig config;
  config.beta1 = adam.beta1;
  config.beta2 = adam.beta2;
  config.eps = adam.eps;
  config.weight_decay = adam.weight_decay;
  config.max_grad_norm = adam.grad_clip_norm;
  rl::Optimizer optimizer(policy, config);
  if (state.moments) optimizer.load_state(*state.moments, state.num_steps);
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (state.gradient) {
      parameters[i].grad.copy_((*state.gradient)[i]);
    } else {
      parameters[i].grad.zero_();
    }
  }
  state.gradient = nullptr;
  const auto taken = optimizer.step(adam.learning_rate, turn.team());
  if (taken.was_skipped) throw RequestError("no step was taken: " + taken.skip_reason);
  auto values = std::make_shared<AdapterValues>();
  bool is_finite = true;
  for (const auto& parameter : parameters) {
    values->push_back(parameter.value.detach().clone());
    is_finite = is_finite && values->back().isfinite().all().item<bool>();
  }
  if (!is_finite) throw RequestError("no step was taken: the weights would not be finite");
  auto moments = std::make_shared<std::map<std::string, at::Tensor>>();
  for (const auto& [name, tensor] : optimizer.state_tensors()) moments->emplace(name, tensor);
  state.values = std::move(values);
  state.moments = std::move(moments);
  state.num_steps = optimizer.step_count();
  return taken.grad_norm;
}

void save_state(const SharedPolicy::Turn& turn, const AdapterState& state,
                const std::filesystem::path& folder, bool with_moments, bool with_gradient) {
  turn.put(state.values);
  turn.policy().save_adapters(folder);
  if (!with_moments) return;
  std::vector<policy::RawTensor> tensors;
  if (state.moments)
    for (const auto& [name, tensor] : *state.moments) tensors.push_back(raw_floats(name, tensor));
  const auto& parameters = turn.policy().parameters();
  if (with_gradient && state.gradient)
    for (size_t i = 0; i < parameters.size(); ++i)
      tensors.push_back(raw_floats(parameters[i].name + ".gradient", (*state.gradient)[i]));
  policy::write_safetensors(folder / kTrainingFile, std::move(tensors),
                            {{"steps", std::to_string(state.num_steps)}});
}

AdapterState load_state(const SharedPolicy& shared, const std::filesystem::path& folder,
                        bool with_moments) {
  AdapterState state;
  state.values = shared.read(folder);
  if (!with_moments) return state;
  const auto file = policy::SafetensorsFile::open(folder / kTrainingFile);
  auto moments = std::make_shared<std::map<std::string, at::Tensor>>();
  std::map<std::string, at::Tensor> gradients;
  for (const auto& info : file.tensors()) {
    auto tensor = at::empty(info.shape, at::kFloat);
    file.read_f32(info.name,
                  {tensor.mutable_data_ptr<float>(), static_cast<size_t>(tensor.numel())});
    (info.name.ends_with(".gradient") ? gradients : *moments).emplace(info.name, tensor);
  }
  const std::string steps = file.metadata().at("steps");
  std::from_chars(steps.data(), steps.data() + steps.size(), state.num_steps);
  if (!moments->empty()) state.moments = std::move(moments);
  if (gradients.empty()) return state;
  auto gradient = std::make_shared<AdapterValues>();
  for (const auto& parameter : shared.policy().parameters())
    gradient->push_back(gradients.at(parameter.name + ".gradient"));
  state.gradient = std::move(gradient);
  return state;
}

}  // namespace gradus::service
