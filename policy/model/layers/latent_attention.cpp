// Shapes: T rows, D model width, Q query rank, L latent width (kv_rank), r rope width.
#include "policy/model/layers/latent_attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/constant_pad_nd.h>

#include <optional>
#include <vector>

#include "policy/batch/kv_shape.h"
#include "policy/ops/rounding.h"
#include "policy/weights/merged_value.h"

namespace gradus::policy {
namespace {

// transformers 5.23, models/deepseek_v3: the norms' default, not rms_norm_eps.
constexpr double kLatentEps = 1e-6;

LatentArgs latent_args(const ModelConfig& config, int layer) {
  const LatentConfig& latent = config.latent;
  LatentArgs args;
  args.heads = static_cast<int>(config.num_heads);
  args.latent_dim = static_cast<int>(latent.kv_rank);
  args.nope_dim = static_cast<int>(latent.nope_dim);
  args.rope_dim = static_cast<int>(latent.rope_dim);
  args.value_dim = static_cast<int>(latent.value_dim);
  args.scale = static_cast<float>(latent.softmax_scale);
  args.layer = layer;
  return args;
}

class LatentAttention : public AttentionBlock {
 public:
  LatentAttention(const ModelConfig& c, int layer, WeightBuilder& builder)
      : args_(latent_args(c, layer)),
        expanded_(expanded_latent_args(c, layer)),
        absorbs_(!c.latent.expand_cache) {
    if (c.norm_before)
      builder.norm(input_norm_.emplace(), {TensorRole::attention_norm, layer}, c.rms_norm_eps);
    if (c.latent.q_rank > 0) {
      builder.linear(q_a_.emplace(), {TensorRole::query_down, layer});
      builder.norm(q_norm_, {TensorRole::query_latent_norm, layer}, kLatentEps);
      builder.linear(q_, {TensorRole::query_up, layer});
    } else {
      builder.linear(q_, {TensorRole::query, layer});
    }
    builder.linear(kv_a_, {TensorRole::kv_down, layer});
    builder.norm(kv_norm_, {TensorRole::kv_latent_norm, layer}, kLatentEps);
    builder.linear(kv_b_, {TensorRole::kv_up, layer});
    builder.linear(o_, {TensorRole::attention_output, layer});
    if (absorbs_) builder.absorbed(absorbed_, kv_b_, args_);
  }

  at::Tensor apply(const at::Tensor& x_TD, const at::Tensor& residual_TD,
                   const LayerCall& call) const override {
    auto [q, c] = queries_and_latents(x_TD, call);
    const auto& ops = call.ops;
    const auto latent_TL = c.narrow(1, 0, args_.latent_dim).contiguous();
    const auto k_rope_Tr = ops.rope(c.narrow(1, args_.latent_dim, args_.rope_dim).contiguous(),
                                    call.positions, call.rope, 1, call.team);
    q = ops.rope(q, call.positions, call.rope, args_.heads, call.team);
    const auto mixed = call.is_paged && absorbs_ ? absorbed(q, latent_TL, k_rope_Tr, call)
                                                 : expanded(q, latent_TL, k_rope_Tr, call);
    return ops.linear_residual(mixed, o_, residual_TD, call.use_adapters, call.team);
  }

  void publish(const AttentionBlock& trained, const Ops& ops, ThreadTeam& team) override {
    const Linear& from = static_cast<const LatentAttention&>(trained).kv_b_;
    const bool is_adapted = from.adapter && from.adapter->a.is_trained();
    if (!absorbs_ || (!from.weight.is_trained() && !is_adapted)) return;
    auto value = rounded_value(kv_b_.weight, from.weight.value.detach().to(at::kFloat), team);
    if (is_adapted) value = merged_value(value, *from.adapter, team);
    ops.absorb(absorbed_, value, args_, team);
  }

 private:
  std::pair<at::Tensor, at::Tensor> queries_and_latents(const at::Tensor& x_TD,
                                                        const LayerCall& call) const {
    const Linear* projections[] = {q_a_ ? &*q_a_ : &q_, &kv_a_};
    auto narrow = call.ops.norm_linears(x_TD, norm_or_null(input_norm_), projections,
                                        call.use_adapters, call.team);
    if (!q_a_) return {narrow[0], narrow[1]};
    const Linear* wide[] = {&q_};
    auto q = call.ops.norm_linears(narrow[0], &q_norm_, wide, call.use_adapters, call.team);
    return {q[0], narrow[1]};
  }

  at::Tensor expanded(at::Tensor q, const at::Tensor& latent_TL, const at::Tensor& k_rope_Tr,
                      const LayerCall& call) const {
    const Linear* wide[] = {&kv_b_};
    const auto kv =
        call.ops.norm_linears(latent_TL, &kv_norm_, wide, call.use_adapters, call.team)[0];
    const auto [k, v] = call.ops.latent_keys(kv, k_rope_Tr, args_, call.team);
    if (expanded_.key_dim > args_.query_dim()) {
      const auto heads = q.reshape({q.size(0), args_.heads, args_.query_dim()});
      q = at::constant_pad_nd(heads, {0, 1}).reshape({q.size(0), -1});
    }
    return call.ops.attention(q, k, v, expanded_, call.plan, call.team);
  }

  at::Tensor absorbed(const at::Tensor& q, const at::Tensor& latent_TL, const at::Tensor& k_rope_Tr,
                      const LayerCall& call) const {
    auto normed_TL = call.ops.norm(latent_TL, kv_norm_, 1, call.team);
    // What kv_b takes in the expanded form.
    if (kv_b_.weight.has_fp8_products) normed_TL = fp8_rows(normed_TL, call.team);
    return call.ops.latent_attention(q, at::cat({normed_TL, k_rope_Tr}, 1), absorbed_, args_,
                                     call.plan, call.team);
  }

  LatentArgs args_;
  AttentionArgs expanded_;
  bool absorbs_;
  std::optional<Norm> input_norm_;
  std::optional<Linear> q_a_;
  Norm q_norm_;
  Linear q_;  ///< q_b_proj, or q_proj where there is no q_a_proj
  Linear kv_a_;
  Norm kv_norm_;
  Linear kv_b_;
  Linear o_;
  AbsorbedWeights absorbed_;
};

}  // namespace

AttentionArgs expanded_latent_args(const ModelConfig& config, int layer) {
  const LatentArgs latent = latent_args(config, layer);
  const KvShape shape = kv_shape(config, layer);
  AttentionArgs args;
  args.heads = latent.heads;
  args.kv_heads = shape.heads;
  args.key_dim = shape.key_dim;
  args.value_dim = shape.value_dim;
  args.scale = latent.scale;
  args.layer = layer;
  return args;
}

std::unique_ptr<AttentionBlock> make_latent_attention(const ModelConfig& config, int layer,
                                                      WeightBuilder& builder) {
  return std::make_unique<LatentAttention>(config, layer, builder);
}

}  // namespace gradus::policy
