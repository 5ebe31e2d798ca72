#include "policy/weights/weight_builder.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/random.h"
#include "policy/ops/rounding.h"
#include "policy/weights/merged_value.h"

namespace gradus::policy {
namespace {

std::string last_part(const std::string& name) {
  return name.substr(name.rfind('.') + 1);
}

/// As PEFT starts them: A uniform in +-1/sqrt(in) (Kaiming with a = sqrt 5), B zero, so that the
/// adapted policy equals the base.
TensorSource fresh_adapters(uint64_t seed) {
  return [seed](const std::string& name, const std::vector<int64_t>& shape, std::span<float> out) {
    if (name.ends_with("lora_B.weight")) {
      std::ranges::fill(out, 0.0F);
      return;
    }
    RandomStream random(seed, hash_text(name), 0, 0);
    const float bound = 1.0F / std::sqrt(static_cast<float>(shape[1]));
    for (float& value : out) value = (2.0F * random.uniform() - 1.0F) * bound;
  };
}

}  // namespace

WeightBuilder::WeightBuilder(const PolicyConfig& config, Purpose purpose, at::ScalarType dtype,
                             at::Device device, const Ops& ops, TensorSource source,
                             ThreadTeam& team)
    : config_(config),
      purpose_(purpose),
      dtype_(dtype),
      device_(device),
      ops_(ops),
      source_(std::move(source)),
      team_(team) {}

void WeightBuilder::round(std::set<std::string> names, Rounding rounding, bool fp8_products) {
  rounded_ = std::move(names);
  rounding_ = rounding;
  fp8_products_ = fp8_products;
}

void WeightBuilder::add_parameter(const std::string& name, const at::Tensor& value,
                                  at::Tensor& grad) {
  grad = at::zeros_like(value);
  // ATen's own autograd (reference compute) adds to the same gradient that the kernels add to.
  value.requires_grad_(true);
  value.mutable_grad() = grad;
  parameters_.push_back({name, value, grad});
  bytes_ += value.nbytes() + grad.nbytes();
}

at::Tensor WeightBuilder::read(const std::string& name, int64_t out, int64_t in,
                               const TensorSource& source) const {
  const auto value = at::empty({out, in}, at::kFloat);
  source(name, {out, in}, {value.data_ptr<float>(), static_cast<size_t>(value.numel())});
  return value.to(device_);
}

TensorSource WeightBuilder::adapter_source() const {
  return config_.lora.path.empty() ? fresh_adapters(config_.lora.seed) : source_;
}

void WeightBuilder::weight(Weight& weight, const std::string& name, int64_t out, int64_t in,
                           bool trained, bool keep_value, bool publish,
                           const TensorSource& source) {
  weight.name = name;
  weight.out = out;
  weight.in = in;
  if (rounded_.contains(name)) {
    weight.rounding = rounding_;
    weight.has_fp8_products = fp8_products_;
  }
  const auto value = read(name, out, in, source);
  if (publish) {
    ops_.publish(weight, value, team_);
    weights_.push_back(&weight);
    bytes_ += static_cast<int64_t>(weight.packed.bytes()) +
              (weight.compute.defined() ? weight.compute.nbytes() : 0);
  }
  if (trained) {
    weight.value = value;
    add_parameter(name, weight.value, weight.grad);
  } else if (keep_value) {
    weight.value = rounded_value(weight, value, team_).to(weight.is_float32 ? at::kFloat : dtype_);
    bytes_ += weight.value.nbytes();
  }
}

void WeightBuilder::vector(VectorWeight& vector, const std::string& name, int64_t n) {
  read_vector(vector, name, n);
  if (trains_base()) add_parameter(name, vector.value, vector.grad);
}

void WeightBuilder::buffer(VectorWeight& vector, const std::string& name, int64_t n) {
  read_vector(vector, name, n);
  buffers_.push_back({name, vector.value});
  bytes_ += vector.value.nbytes();
}

void WeightBuilder::router(Weight& weight, const std::string& name, int64_t out, int64_t in) {
  weight.is_float32 = true;
  this->weight(weight, name + ".weight", out, in, trains_base(), purpose_ == Purpose::training,
               true, source_);
}

void WeightBuilder::read_vector(VectorWeight& vector, const std::string& name, int64_t n) {
  vector.name = name;
  auto value = at::empty({n}, at::kFloat);
  source_(name, {n}, {value.data_ptr<float>(), static_cast<size_t>(n)});
  vector.value = value.to(device_);
  vectors_.push_back(&vector);
}

void WeightBuilder::adapter(Linear& linear, const std::string& name) {
  const auto& targets = config_.lora.targets;
  if (!adds_adapters_ || config_.lora.rank == 0 ||
      std::ranges::find(targets, last_part(name)) == targets.end())
    return;
  auto& adapter = linear.adapter.emplace();
  adapter.scale = static_cast<float>(config_.lora.alpha / config_.lora.rank);
  const std::string peft = "base_model.model." + name;
  const bool trained = purpose_ == Purpose::training;
  const auto source = adapter_source();
  weight(adapter.a, peft + ".lora_A.weight", config_.lora.rank, linear.weight.in, trained, false,
         true, source);
  weight(adapter.b, peft + ".lora_B.weight", linear.weight.out, config_.lora.rank, trained, false,
         true, source);
  adapted_.emplace_back(name, &linear);
}

void WeightBuilder::linear(Linear& linear, const std::string& name, int64_t out, int64_t in,
                           bool has_bias) {
  // A frozen weight is read again by the backward pass of the layers below it.
  const bool keep = purpose_ == Purpose::training;
  weight(linear.weight, name + ".weight", out, in, trains_base(), keep, true, source_);
  if (has_bias) vector(linear.bias.emplace(), name + ".bias", out);
  adapter(linear, name);
}

void WeightBuilder::absorbed(AbsorbedWeights& weights, const Linear& kv_b, const std::string& name,
                             const LatentArgs& args) {
  const Weight& base = kv_b.weight;
  auto value = rounded_value(base, read(name + ".weight", base.out, base.in, source_), team_);
  if (kv_b.adapter) {
    // Over the base's rounded values, as it will be when the adapters have been trained.
    const std::string peft = "base_model.model." + name;
    const Weight& a = kv_b.adapter->a;
    const auto source = adapter_source();
    value = merged_value(value.to(dtype_), read(peft + ".lora_B.weight", base.out, a.out, source),
                         read(peft + ".lora_A.weight", a.out, base.in, source), kv_b.adapter->scale,
                         team_);
  }
  ops_.absorb(weights, value, args, team_);
  for (const auto& head : weights.key) bytes_ += static_cast<int64_t>(head.bytes());
  for (const auto& head : weights.value) bytes_ += static_cast<int64_t>(head.bytes());
  if (weights.compute.defined()) bytes_ += weights.compute.nbytes();
}

void WeightBuilder::norm(Norm& norm, const std::string& name, int64_t width, float eps) {
  norm.eps = eps;
  vector(norm.weight, name + ".weight", width);
}

void WeightBuilder::embedding(Linear& table, const std::string& name, int64_t vocab, int64_t width,
                              bool is_head) {
  const bool publish = is_head || config_.compute == Compute::reference;
  weight(table.weight, name + ".weight", vocab, width, trains_base(), true, publish, source_);
}

}  // namespace gradus::policy
