#include "policy/model/layers/grouped_query_attention.h"

#include <cmath>
#include <optional>

namespace gradus::policy {
namespace {

class GroupedQueryAttention : public AttentionBlock {
 public:
  GroupedQueryAttention(const ModelConfig& c, int layer, const std::string& prefix,
                        WeightBuilder& builder)
      : args_(grouped_query_args(c, layer)) {
    const auto eps = static_cast<float>(c.rms_norm_eps);
    const std::string attention = prefix + "self_attn.";
    builder.norm(input_norm_, prefix + "input_layernorm", c.hidden_size, eps);
    builder.linear(q_, attention + "q_proj", c.num_heads * c.head_dim, c.hidden_size,
                   c.attention_qkv_bias);
    builder.linear(k_, attention + "k_proj", c.num_kv_heads * c.head_dim, c.hidden_size,
                   c.attention_qkv_bias);
    builder.linear(v_, attention + "v_proj", c.num_kv_heads * c.head_dim, c.hidden_size,
                   c.attention_qkv_bias);
    builder.linear(o_, attention + "o_proj", c.hidden_size, c.num_heads * c.head_dim,
                   c.attention_out_bias);
    if (c.qk_norm) {
      builder.norm(q_norm_.emplace(), attention + "q_norm", c.head_dim, eps);
      builder.norm(k_norm_.emplace(), attention + "k_norm", c.head_dim, eps);
    }
  }

  at::Tensor apply(const at::Tensor& x_TD, const LayerCall& call) const override {
    const auto& ops = call.ops;
    const Linear* projections[] = {&q_, &k_, &v_};
    auto qkv = ops.norm_linears(x_TD, input_norm_, projections, call.use_adapters, call.team);
    auto q = qkv[0];
    auto k = qkv[1];
    if (q_norm_) {
      q = ops.norm(q, *q_norm_, args_.heads, call.team);
      k = ops.norm(k, *k_norm_, args_.kv_heads, call.team);
    }
    q = ops.rope(q, call.positions, call.rope, args_.heads, call.team);
    k = ops.rope(k, call.positions, call.rope, args_.kv_heads, call.team);
    const auto mixed = ops.attention(q, k, qkv[2], args_, call.plan, call.team);
    return ops.linear_residual(mixed, o_, x_TD, call.use_adapters, call.team);
  }

 private:
  AttentionArgs args_;
  Norm input_norm_;
  Linear q_;
  Linear k_;
  Linear v_;
  Linear o_;
  std::optional<Norm> q_norm_;
  std::optional<Norm> k_norm_;
};

}  // namespace

AttentionArgs grouped_query_args(const ModelConfig& config, int layer) {
  AttentionArgs args;
  args.heads = static_cast<int>(config.num_heads);
  args.kv_heads = static_cast<int>(config.num_kv_heads);
  args.key_dim = static_cast<int>(config.head_dim);
  args.value_dim = static_cast<int>(config.head_dim);
  args.scale = static_cast<float>(1.0 / std::sqrt(static_cast<double>(config.head_dim)));
  args.window = static_cast<int>(config.layers[static_cast<size_t>(layer)].sliding_window);
  args.layer = layer;
  return args;
}

std::unique_ptr<AttentionBlock> make_grouped_query_attention(const ModelConfig& config, int layer,
                                                             const std::string& prefix,
                                                             WeightBuilder& builder) {
  return std::make_unique<GroupedQueryAttention>(config, layer, prefix, builder);
}

}  // namespace gradus::policy
