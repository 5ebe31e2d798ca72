#include "policy/weights/weight_builder.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>

#include "policy/formats/adapter_targets.h"
#include "policy/formats/hf/fp8_format.h"
#include "policy/ops/rounding.h"
#include "policy/weights/fresh_adapter.h"
#include "policy/weights/merged_value.h"

namespace gradus::policy {
namespace {

/// "model.layers.0.mlp.up_proj" of its weight.
std::string_view layer_name(const Weight& weight) {
  return std::string_view(weight.name).substr(0, weight.name.rfind('.'));
}

/// PEFT's name of an adapter's side beside a weight. @param side  "A" or "B".
std::string adapter_name(const Weight& weight, const char* side) {
  return "base_model.model." + std::string(layer_name(weight)) + ".lora_" + side + ".weight";
}

TensorSource fresh_adapters(uint64_t seed) {
  return [seed](const std::string& name, const std::vector<int64_t>& shape, std::span<float> out) {
    fill_fresh_adapter(seed, name, shape[1], out);
  };
}

}  // namespace

WeightBuilder::WeightBuilder(WeightRequest request) : request_(std::move(request)) {
  for (TensorSpec& spec : expected_tensors(request_.model)) {
    const Key key{spec.layer, spec.role, spec.expert, spec.is_bias};
    tensors_.emplace(key, std::move(spec));
  }
}

void WeightBuilder::round(Rounding rounding, bool fp8_products) {
  rounding_ = rounding;
  fp8_products_ = fp8_products;
}

const TensorSpec* WeightBuilder::find(const TensorPlace& place, bool is_bias) const {
  const auto found = tensors_.find({place.layer, place.role, place.expert, is_bias});
  return found == tensors_.end() ? nullptr : &found->second;
}

const TensorSpec& WeightBuilder::spec(const TensorPlace& place, bool is_bias) const {
  const TensorSpec* found = find(place, is_bias);
  TORCH_CHECK(found != nullptr, "layer ", place.layer, " has no tensor of role ",
              static_cast<int>(place.role));
  return *found;
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

at::Tensor WeightBuilder::read(const std::string& name, const std::vector<int64_t>& shape,
                               const TensorSource& source) const {
  const auto value = at::empty(shape, at::kFloat);
  source(name, shape, {value.data_ptr<float>(), static_cast<size_t>(value.numel())});
  return value.to(request_.device);
}

TensorSource WeightBuilder::adapter_source() const {
  const LoraConfig& lora = request_.config.lora;
  return lora.path.empty() ? fresh_adapters(lora.seed) : request_.source;
}

void WeightBuilder::matrix(Weight& weight, const std::string& name,
                           const std::vector<int64_t>& shape, const Forms& forms,
                           const TensorSource& source) {
  weight.name = name;
  weight.out = shape[0];
  weight.in = shape[1];
  const auto value = read(name, shape, source);
  if (forms.is_published) {
    request_.ops.publish(weight, value, request_.team);
    weights_.push_back(&weight);
    bytes_ += static_cast<int64_t>(weight.packed.bytes()) +
              (weight.compute.defined() ? weight.compute.nbytes() : 0);
  }
  if (forms.is_trained) {
    weight.value = value;
    add_parameter(name, weight.value, weight.grad);
  } else if (forms.keeps_value) {
    weight.value = rounded_value(weight, value, request_.team)
                       .to(weight.is_float32 ? at::kFloat : request_.dtype);
    bytes_ += weight.value.nbytes();
  }
}

void WeightBuilder::vector(VectorWeight& vector, const TensorSpec& spec) {
  read_vector(vector, spec);
  if (trains_base()) add_parameter(spec.name, vector.value, vector.grad);
}

void WeightBuilder::buffer(VectorWeight& vector, const TensorPlace& place) {
  read_vector(vector, spec(place, true));
  buffers_.push_back({vector.name, vector.value});
  bytes_ += vector.value.nbytes();
}

void WeightBuilder::router(Weight& weight, const TensorPlace& place) {
  weight.is_float32 = true;
  const TensorSpec& tensor = spec(place);
  matrix(weight, tensor.name, tensor.shape,
         {trains_base(), request_.purpose == Purpose::training, true}, request_.source);
}

void WeightBuilder::read_vector(VectorWeight& vector, const TensorSpec& spec) {
  vector.name = spec.name;
  vector.value = read(spec.name, spec.shape, request_.source);
  vectors_.push_back(&vector);
}

std::optional<LowRankProduct> WeightBuilder::product_beside(const Weight& base) const {
  if (!adds_adapters_) return std::nullopt;
  if (request_.adapters != nullptr) {
    const auto found = request_.adapters->find(base.name);
    return found == request_.adapters->end() ? std::nullopt : std::optional(found->second);
  }
  const LoraConfig& lora = request_.config.lora;
  const auto target = adapter_target(layer_name(base));
  if (lora.rank == 0 || std::ranges::find(lora.targets, target) == lora.targets.end()) {
    return std::nullopt;
  }
  LowRankProduct product;
  product.a = adapter_name(base, "A");
  product.b = adapter_name(base, "B");
  product.rank = lora.rank;
  product.scale = static_cast<float>(lora.alpha / lora.rank);
  return product;
}

void WeightBuilder::adapter(Linear& linear) {
  const Weight& base = linear.weight;
  const auto product = product_beside(base);
  if (!product) return;
  auto& adapter = linear.adapter.emplace();
  adapter.scale = product->scale;
  const Forms forms{request_.purpose == Purpose::training, false, true};
  const auto source = adapter_source();
  matrix(adapter.a, product->a, {product->rank, base.in}, forms, source);
  matrix(adapter.b, product->b, {base.out, product->rank}, forms, source);
  adapted_.push_back(&linear);
}

void WeightBuilder::linear(Linear& linear, const TensorPlace& place) {
  if (is_fp8_role(place.role)) {
    linear.weight.rounding = rounding_;
    linear.weight.has_fp8_products = fp8_products_;
  }
  const TensorSpec& tensor = spec(place);
  // A frozen weight is read again by the backward pass of the layers below it.
  const bool keeps = request_.purpose == Purpose::training;
  matrix(linear.weight, tensor.name, tensor.shape, {trains_base(), keeps, true}, request_.source);
  if (const TensorSpec* bias = find(place, true)) vector(linear.bias.emplace(), *bias);
  adapter(linear);
}

void WeightBuilder::absorbed(AbsorbedWeights& weights, const Linear& kv_b, const LatentArgs& args) {
  const Weight& base = kv_b.weight;
  auto value =
      rounded_value(base, read(base.name, {base.out, base.in}, request_.source), request_.team);
  if (kv_b.adapter) {
    // Over the base's rounded values, as it will be when the adapters have been trained.
    const auto& [a, b, scale] = *kv_b.adapter;
    const auto source = adapter_source();
    value = merged_value(value.to(request_.dtype), read(b.name, {b.out, b.in}, source),
                         read(a.name, {a.out, a.in}, source), scale, request_.team);
  }
  request_.ops.absorb(weights, value, args, request_.team);
  for (const auto& head : weights.key) bytes_ += static_cast<int64_t>(head.bytes());
  for (const auto& head : weights.value) bytes_ += static_cast<int64_t>(head.bytes());
  if (weights.compute.defined()) bytes_ += weights.compute.nbytes();
}

void WeightBuilder::norm(Norm& norm, const TensorPlace& place, double eps) {
  norm.eps = static_cast<float>(eps);
  vector(norm.weight, spec(place));
}

void WeightBuilder::embedding(Linear& table, bool is_head) {
  const bool publishes = is_head || request_.config.compute == Compute::reference;
  const TensorSpec& tensor = spec({TensorRole::embedding});
  matrix(table.weight, tensor.name, tensor.shape, {trains_base(), true, publishes},
         request_.source);
}

}  // namespace gradus::policy
