// Shapes: T rows, D width.
#include "policy/model/decoder.h"

#include <ATen/ops/empty.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "policy/batch/layer_trace.h"
#include "policy/model/layers/attention.h"
#include "policy/ops/autograd.h"
#include "policy/ops/device/fp8_product.h"

namespace gradus::policy {
namespace {

at::Device device_of(const PolicyConfig& config) {
  return config.device == DeviceKind::cuda ? at::Device(at::kCUDA) : at::Device(at::kCPU);
}

PolicyConfig resolved(PolicyConfig config) {
  if (config.device == DeviceKind::cuda && config.compute == Compute::native) {
    throw ConfigError("model.compute: native kernels are for the CPU; set auto for cuda");
  }
  if (config.compute == Compute::automatic) {
    config.compute = config.device == DeviceKind::cpu ? Compute::native : Compute::reference;
  }
  if (config.fp8 == Fp8Mode::real && config.compute == Compute::native) {
    throw ConfigError(
        "model.fp8: is real, which takes a GPU's FP8 units (model.device = cuda); the CPU's "
        "kernels have none. Set simulated");
  }
  return config;
}

/// What is rounded: the matrices that DeepSeek-V3 keeps in FP8.
void round_projections(const PolicyConfig& config, Purpose purpose, WeightBuilder& builder) {
  const bool samples_only = purpose == Purpose::inference;
  const bool has_own = samples_only && config.rollout_weights != RolloutWeights::compute;
  const bool fp8 = config.fp8 != Fp8Mode::off;
  if (!fp8 && !has_own) return;
  const bool is_int8 = has_own && config.rollout_weights == RolloutWeights::int8;
  builder.round(is_int8 ? Rounding::int8 : Rounding::fp8, fp8);
}

}  // namespace

Decoder::Decoder(PolicyConfig config, ModelConfig model, Purpose purpose, TensorSource source,
                 ThreadTeam& team, const LiveAdapters* adapters)
    : config_(resolved(std::move(config))),
      model_(std::move(model)),
      dtype_(config_.precision == Precision::bfloat16 ? at::kBFloat16 : at::kFloat),
      device_(device_of(config_)),
      ops_(config_.compute == Compute::native
               ? make_native_ops(dtype_)
               : make_reference_ops(dtype_, device_, config_.fp8 == Fp8Mode::real)) {
  if (config_.fp8 == Fp8Mode::real) check_fp8_products(device_);
  model_.latent.expand_cache = config_.latent_cache == LatentCache::expanded;
  WeightBuilder builder({config_, model_, purpose, dtype_, device_, *ops_, source, team, adapters});
  round_projections(config_, purpose, builder);
  builder.embedding(embedding_, model_.tie_word_embeddings);
  for (int l = 0; l < model_.num_layers; ++l) {
    layers_.push_back(std::make_unique<DecoderLayer>(model_, l, builder));
  }
  builder.norm(final_norm_, {TensorRole::final_norm}, model_.rms_norm_eps);
  if (!model_.tie_word_embeddings) builder.linear(head_, {TensorRole::head});
  for (int k = 0; k < model_.num_mtp_layers; ++k) {
    const int layer = static_cast<int>(model_.num_layers) + k;
    modules_.push_back(std::make_unique<PredictionModule>(model_, layer, builder));
  }
  parameters_ = builder.take_parameters();
  buffers_ = builder.take_buffers();
  weights_ = builder.take_weights();
  vectors_ = builder.take_vectors();
  adapted_ = builder.take_adapted();
  weight_bytes_ = builder.bytes();
  if (purpose == Purpose::training && parameters_.empty()) {
    throw ConfigError(
        adapters == nullptr
            ? "model.lora.targets: no linear layer of the checkpoint has one of these names"
            : "model.lora.path: the adapter has no low-rank product of a linear layer, which could "
              "be trained on; fold it in with gradus model merge");
  }
  if (purpose == Purpose::training && config_.rollout_weights != RolloutWeights::compute) {
    make_sampler(source, team, adapters);
  }
}

void Decoder::check_tokens(const std::vector<int64_t>& tokens) const {
  for (const int64_t token : tokens) {
    if (token < 0 || token >= model_.vocab_size) {
      throw ArgumentError("token id " + std::to_string(token) + " is outside the vocabulary of " +
                          std::to_string(model_.vocab_size));
    }
  }
}

RopeTable Decoder::rope_table(const RopeConfig& rope, int64_t length) const {
  const auto frequencies = rope_frequencies(rope, rope_dim(model_));
  const auto half = static_cast<int64_t>(frequencies.inv_freq.size());
  auto cos = at::empty({length, half}, at::kFloat);
  auto sin = at::empty({length, half}, at::kFloat);
  for (int64_t p = 0; p < length; ++p) {
    for (int64_t i = 0; i < half; ++i) {
      const float angle = static_cast<float>(p) * frequencies.inv_freq[static_cast<size_t>(i)];
      cos.data_ptr<float>()[p * half + i] = std::cos(angle) * frequencies.attention_factor;
      sin.data_ptr<float>()[p * half + i] = std::sin(angle) * frequencies.attention_factor;
    }
  }
  const bool is_latent = model_.layers[0].attention == AttentionKind::latent;
  return {cos.to(device_), sin.to(device_), is_latent && model_.latent.rope_interleave};
}

std::pair<RopeTable, RopeTable> Decoder::rope_tables(int64_t positions) const {
  const std::lock_guard lock(rope_mutex_);
  const int64_t have = rope_.cos.defined() ? rope_.cos.size(0) : 0;
  if (have < positions) {
    const int64_t length = std::max<int64_t>({positions, 2 * have, 256});
    rope_ = rope_table(model_.rope, length);
    const bool has_local = std::ranges::any_of(model_.layers, &LayerConfig::has_local_rope);
    if (has_local) local_rope_ = rope_table(model_.local_rope, length);
  }
  return {rope_, local_rope_};
}

at::Tensor Decoder::checkpointed(const DecoderLayer& layer, const at::Tensor& x_TD,
                                 const LayerCall& call) const {
  at::Tensor y_TD;
  {
    at::NoGradGuard no_grad;
    y_TD = layer.apply(x_TD, call);
  }
  if (!is_recorded({x_TD})) return y_TD;
  record({x_TD}, {y_TD}, "checkpointed_layer",
         [&layer, x = x_TD.detach(), call](const Gradients& dy) {
           at::AutoGradMode grad_mode(true);
           LayerCall again = call;
           again.routing.is_repeated = true;
           const auto input = x.detach().requires_grad_(true);
           torch::autograd::backward({layer.apply(input, again)}, {dy[0]});
           return Gradients{input.grad()};
         });
  return y_TD;
}

at::Tensor Decoder::run_layers(at::Tensor x_TD, const LayerCall& call, LayerTrace* trace) const {
  if (trace != nullptr) trace->hidden = {x_TD.detach()};
  for (const auto& layer : layers_) {
    x_TD = config_.activation_checkpointing ? checkpointed(*layer, x_TD, call)
                                            : layer->apply(x_TD, call);
    if (trace != nullptr) trace->hidden.push_back(x_TD.detach());
  }
  return ops_->norm(x_TD, final_norm_, 1, call.team);
}

LayerRouting Decoder::routing_of(const PackedBatch& batch) const {
  LayerRouting routing;
  routing.pass = batch.routing;
  if (std::ranges::any_of(batch.segments, &Segment::is_repeated)) {
    auto counted = std::make_shared<std::vector<uint8_t>>();
    for (const Segment& segment : batch.segments)
      counted->resize(counted->size() + static_cast<size_t>(segment.length),
                      segment.is_repeated ? 0 : 1);
    routing.counted = counted;
  }
  if (batch.routing != nullptr && batch.routing->balance_weight > 0.0) {
    auto lengths = std::make_shared<std::vector<int64_t>>();
    for (const Segment& segment : batch.segments) lengths->push_back(segment.length);
    routing.lengths = lengths;
  }
  return routing;
}

at::Tensor Decoder::forward(const PackedBatch& batch, ThreadTeam& team, bool use_adapters) const {
  check_tokens(batch.tokens);
  const auto positions = std::make_shared<const std::vector<int32_t>>(batch.positions);
  make_room_for_choices(batch.routing, model_, batch.num_rows());
  const int32_t last = positions->empty() ? 0 : *std::ranges::max_element(*positions);
  const auto [rope, local_rope] = rope_tables(last + 1);
  const LayerCall call{*ops_,        team,       positions,
                       rope,         local_rope, ops_->plan(batch, attention_args(model_, 0), team),
                       use_adapters, false,      routing_of(batch)};
  return run_layers(ops_->embedding(embedding_.weight, batch.tokens, team), call, batch.trace);
}

Scores Decoder::score(const at::Tensor& hidden, const ScoreList& list, double temperature,
                      ThreadTeam& team, bool use_adapters) const {
  check_tokens(list.targets);
  return ops_->score(hidden, head(), list, temperature, config_.head_chunk_rows, team,
                     {use_adapters, true});
}

at::Tensor Decoder::logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                           ThreadTeam& team) const {
  return ops_->logits(hidden, head(), rows, team);
}

at::Tensor Decoder::recorded_logits(const at::Tensor& hidden, std::span<const int64_t> rows,
                                    ThreadTeam& team) const {
  return ops_->recorded_logits(hidden, head(), rows, team);
}

void Decoder::publish_weights(ThreadTeam& team) {
  for (Weight* weight : weights_) {
    if (weight->is_trained()) ops_->publish(*weight, weight->value, team);
  }
  for (const auto& layer : layers_) layer->publish(*layer, *ops_, team);
  for (const auto& module : modules_) module->publish(*module, *ops_, team);
  if (sampler_ != nullptr) publish_to_sampler(team);
  ++version_;
}

}  // namespace gradus::policy
