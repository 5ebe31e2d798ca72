#include "policy/model/layers/grouped_query_attention.h"

#include <cmath>
#include <optional>

#include "policy/batch/kv_shape.h"

namespace gradus::policy {
namespace {

class GroupedQueryAttention : public AttentionBlock {
 public:
  GroupedQueryAttention(const ModelConfig& c, int layer, WeightBuilder& builder)
      : args_(grouped_query_args(c, layer)),
        has_local_rope_(c.layers[static_cast<size_t>(layer)].has_local_rope) {
    if (c.norm_before)
      builder.norm(input_norm_.emplace(), {TensorRole::attention_norm, layer}, c.rms_norm_eps);
    builder.linear(q_, {TensorRole::query, layer});
    builder.linear(k_, {TensorRole::key, layer});
    builder.linear(v_, {TensorRole::value, layer});
    builder.linear(o_, {TensorRole::attention_output, layer});
    if (c.qk_norm) {
      builder.norm(q_norm_.emplace(), {TensorRole::query_norm, layer}, c.rms_norm_eps);
      builder.norm(k_norm_.emplace(), {TensorRole::key_norm, layer}, c.rms_norm_eps);
    }
  }

  at::Tensor apply(const at::Tensor& x_TD, const at::Tensor& residual_TD,
                   const LayerCall& call) const override {
    const auto& ops = call.ops;
    const Linear* projections[] = {&q_, &k_, &v_};
    auto qkv = ops.norm_linears(x_TD, norm_or_null(input_norm_), projections, call.use_adapters,
                                call.team);
    auto q = qkv[0];
    auto k = qkv[1];
    if (q_norm_) {
      q = ops.norm(q, *q_norm_, args_.heads, call.team);
      k = ops.norm(k, *k_norm_, args_.kv_heads, call.team);
    }
    const RopeTable& rope = has_local_rope_ ? call.local_rope : call.rope;
    q = ops.rope(q, call.positions, rope, args_.heads, call.team);
    k = ops.rope(k, call.positions, rope, args_.kv_heads, call.team);
    const auto mixed = ops.attention(q, k, qkv[2], args_, call.plan, call.team);
    return ops.linear_residual(mixed, o_, residual_TD, call.use_adapters, call.team);
  }

 private:
  AttentionArgs args_;
  bool has_local_rope_;
  std::optional<Norm> input_norm_;
  Linear q_;
  Linear k_;
  Linear v_;
  Linear o_;
  std::optional<Norm> q_norm_;
  std::optional<Norm> k_norm_;
};

}  // namespace

AttentionArgs grouped_query_args(const ModelConfig& config, int layer) {
  const KvShape shape = kv_shape(config, layer);
  AttentionArgs args;
  args.heads = static_cast<int>(config.num_heads);
  args.kv_heads = shape.heads;
  args.key_dim = shape.key_dim;
  args.value_dim = shape.value_dim;
  args.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim)));
  args.window = static_cast<int>(config.layers[static_cast<size_t>(layer)].sliding_window);
  args.layer = layer;
  return args;
}

std::unique_ptr<AttentionBlock> make_grouped_query_attention(const ModelConfig& config, int layer,
                                                             WeightBuilder& builder) {
  return std::make_unique<GroupedQueryAttention>(config, layer, builder);
}

}  // namespace gradus::policy
