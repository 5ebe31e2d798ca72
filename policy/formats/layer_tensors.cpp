#include "policy/formats/layer_tensors.h"

#include <algorithm>

#include "policy/formats/families/family.h"
#include "policy/formats/model_config.h"

namespace gradus::policy {
namespace {

/// Appends tensors under the family's names.
class LayerList {
 public:
  explicit LayerList(const ModelConfig& config) : family_(family_of(config)) {}

  void matrix(TensorRole role, int64_t out, int64_t in, bool has_bias = false) {
    push(role, {out, in}, false);
    if (has_bias) push(role, {out}, true);
  }
  void vector(TensorRole role, int64_t n, bool is_bias = false) { push(role, {n}, is_bias); }
  /// One matrix for each of `count` experts.
  void experts(TensorRole role, int64_t out, int64_t in, const MoeConfig& moe) {
    push(role, {out, in}, false);
    tensors_.back().is_expert = true;
    tensors_.back().count = moe.num_experts;
    tensors_.back().num_used = moe.num_experts_per_token;
  }

  std::vector<LayerTensor> take() { return std::move(tensors_); }

 private:
  void push(TensorRole role, std::vector<int64_t> shape, bool is_bias) {
    tensors_.push_back({role, std::move(shape), is_bias, false, 1, 1, family_.stem(role)});
  }

  const Family& family_;
  std::vector<LayerTensor> tensors_;
};

void append_grouped_query(const ModelConfig& c, LayerList& list) {
  const int64_t q = c.num_heads * c.head_dim;
  const int64_t kv = c.num_kv_heads * c.head_dim;
  list.matrix(TensorRole::query, q, c.hidden_size, c.attention_qkv_bias);
  list.matrix(TensorRole::key, kv, c.hidden_size, c.attention_qkv_bias);
  list.matrix(TensorRole::value, kv, c.hidden_size, c.attention_qkv_bias);
  if (c.qk_norm) {
    list.vector(TensorRole::query_norm, c.head_dim);
    list.vector(TensorRole::key_norm, c.head_dim);
  }
  list.matrix(TensorRole::attention_output, c.hidden_size, q, c.attention_out_bias);
}

// attention_bias adds biases to the two compressions and the output alone: transformers 5.23,
// models/deepseek_v3.
void append_latent(const ModelConfig& c, LayerList& list) {
  const LatentConfig& latent = c.latent;
  const int64_t q = c.num_heads * (latent.nope_dim + latent.rope_dim);
  if (latent.q_rank > 0) {
    list.matrix(TensorRole::query_down, latent.q_rank, c.hidden_size, c.attention_qkv_bias);
    list.vector(TensorRole::query_latent_norm, latent.q_rank);
    list.matrix(TensorRole::query_up, q, latent.q_rank);
  } else {
    list.matrix(TensorRole::query, q, c.hidden_size);
  }
  list.matrix(TensorRole::kv_down, latent.kv_rank + latent.rope_dim, c.hidden_size,
              c.attention_qkv_bias);
  list.vector(TensorRole::kv_latent_norm, latent.kv_rank);
  list.matrix(TensorRole::kv_up, c.num_heads * (latent.nope_dim + latent.value_dim),
              latent.kv_rank);
  list.matrix(TensorRole::attention_output, c.hidden_size, c.num_heads * latent.value_dim,
              c.attention_out_bias);
}

void append_swiglu(const ModelConfig& c, LayerList& list) {
  list.matrix(TensorRole::gate, c.intermediate_size, c.hidden_size, c.mlp_bias);
  list.matrix(TensorRole::up, c.intermediate_size, c.hidden_size, c.mlp_bias);
  list.matrix(TensorRole::down, c.hidden_size, c.intermediate_size, c.mlp_bias);
}

void append_mixture(const ModelConfig& c, LayerList& list) {
  const MoeConfig& moe = c.moe;
  list.matrix(TensorRole::router, moe.num_experts, c.hidden_size);
  if (moe.has_choice_bias) list.vector(TensorRole::router_bias, moe.num_experts, true);
  list.experts(TensorRole::expert_gate, moe.expert_size, c.hidden_size, moe);
  list.experts(TensorRole::expert_up, moe.expert_size, c.hidden_size, moe);
  list.experts(TensorRole::expert_down, c.hidden_size, moe.expert_size, moe);
  if (moe.num_shared_experts == 0) return;
  const int64_t shared = moe.num_shared_experts * moe.expert_size;
  list.matrix(TensorRole::shared_gate, shared, c.hidden_size);
  list.matrix(TensorRole::shared_up, shared, c.hidden_size);
  list.matrix(TensorRole::shared_down, c.hidden_size, shared);
}

}  // namespace

std::vector<LayerTensor> layer_tensors(const ModelConfig& config, int64_t layer) {
  const LayerConfig& kind = config.layers.at(static_cast<size_t>(layer));
  const int64_t d = config.hidden_size;
  const bool predicts = layer >= config.num_layers;
  LayerList list(config);
  if (predicts) {
    list.vector(TensorRole::mtp_embedding_norm, d);
    list.vector(TensorRole::mtp_hidden_norm, d);
    list.matrix(TensorRole::mtp_projection, d, 2 * d);
  }
  if (config.norm_before) list.vector(TensorRole::attention_norm, d);
  kind.attention == AttentionKind::latent ? append_latent(config, list)
                                          : append_grouped_query(config, list);
  if (config.norm_behind) list.vector(TensorRole::attention_post_norm, d);
  if (config.norm_before) list.vector(TensorRole::ffn_norm, d);
  kind.ffn == FfnKind::mixture_of_experts ? append_mixture(config, list)
                                          : append_swiglu(config, list);
  if (config.norm_behind) list.vector(TensorRole::ffn_post_norm, d);
  if (predicts) list.vector(TensorRole::mtp_final_norm, d);
  return list.take();
}

std::vector<LayerKind> layer_kinds(const ModelConfig& config) {
  std::vector<LayerKind> kinds;
  for (int64_t l = 0; l < config.num_layers; ++l) {
    const LayerConfig& layer = config.layers[l];
    const auto same = std::find_if(kinds.begin(), kinds.end(), [&](const LayerKind& kind) {
      const LayerConfig& first = config.layers[kind.layer];
      return first.attention == layer.attention && first.ffn == layer.ffn;
    });
    if (same == kinds.end()) {
      kinds.push_back({l, 1});
    } else {
      ++same->count;
    }
  }
  return kinds;
}

LayerPart part_of(TensorRole role) {
  switch (role) {
    case TensorRole::query:
    case TensorRole::key:
    case TensorRole::value:
    case TensorRole::query_down:
    case TensorRole::query_up:
    case TensorRole::kv_down:
    case TensorRole::kv_up:
    case TensorRole::attention_output:
      return LayerPart::attention;
    case TensorRole::gate:
    case TensorRole::up:
    case TensorRole::down:
    case TensorRole::router:
    case TensorRole::router_bias:
    case TensorRole::expert_gate:
    case TensorRole::expert_up:
    case TensorRole::expert_down:
    case TensorRole::shared_gate:
    case TensorRole::shared_up:
    case TensorRole::shared_down:
      return LayerPart::feed_forward;
    case TensorRole::mtp_projection:
      return LayerPart::prediction;
    default:
      return LayerPart::norm;
  }
}

}  // namespace gradus::policy
