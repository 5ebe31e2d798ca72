#include <fmt/format.h>

#include <cmath>

#include "policy/formats/config_fields.h"
#include "policy/formats/families/dense.h"
#include "policy/formats/families/mixture.h"

namespace gradus::policy {
namespace {

void read_sizes(const ConfigFields& fields, ModelConfig& config) {
  config.hidden_size = fields.whole("hidden_size", 1, kMaxWidth);
  config.num_layers = fields.whole("num_hidden_layers", 1, kMaxLayers);
  config.num_heads = fields.whole("num_attention_heads", 1, kMaxHeads);
  // Every head has a key and value of its own, expanded from the latent.
  fields.whole_or("num_key_value_heads", config.num_heads, 1, kMaxHeads);
  config.num_kv_heads = config.num_heads;
  config.vocab_size = fields.whole("vocab_size", 1, kMaxWidth);
  config.max_position_embeddings =
      fields.whole_or("max_position_embeddings", 4096, 1, kMaxPositions);
  config.rms_norm_eps = fields.real_or("rms_norm_eps", 1e-6, 0.0, 1.0);
  config.tie_word_embeddings = fields.flag_or("tie_word_embeddings", false);
  config.attention_qkv_bias = fields.flag_or("attention_bias", false);
  config.attention_out_bias = config.attention_qkv_bias;
  read_activation(fields, config);
}

int64_t read_query_rank(const ConfigFields& fields) {
  if (!fields.is_stated("q_lora_rank")) {
    fields.fail("q_lora_rank", "is missing; null means queries without a low rank");
  }
  return fields.whole_or("q_lora_rank", 0, 1, kMaxWidth);
}

// head_dim is not read: transformers 5 writes qk_rope_head_dim there, others anything.
void read_latent(const ConfigFields& fields, ModelConfig& config) {
  LatentConfig& latent = config.latent;
  latent.q_rank = read_query_rank(fields);
  latent.kv_rank = fields.whole("kv_lora_rank", 1, kMaxWidth);
  latent.nope_dim = fields.whole("qk_nope_head_dim", 1, kMaxHeads);
  latent.rope_dim = fields.whole("qk_rope_head_dim", 2, kMaxHeads);
  latent.value_dim = fields.whole("v_head_dim", 1, kMaxHeads);
  if (latent.rope_dim % 2 != 0) {
    fields.fail("qk_rope_head_dim",
                fmt::format("is {}, must be even: rope turns pairs", latent.rope_dim));
  }
  const int64_t query_dim = latent.nope_dim + latent.rope_dim;
  if (fields.whole_or("qk_head_dim", query_dim, 1, 2 * kMaxHeads) != query_dim) {
    fields.fail("qk_head_dim",
                fmt::format("must be qk_nope_head_dim + qk_rope_head_dim = {}", query_dim));
  }
  latent.rope_interleave = fields.flag_or("rope_interleave", true);
  config.head_dim = query_dim;
  config.rope = read_rope(fields, 10000.0, config.max_position_embeddings);
  latent.softmax_scale = 1.0 / std::sqrt(static_cast<double>(query_dim));
  if (config.rope.mscale_all_dim != 0) {
    const double gain = yarn_gain(config.rope.factor, config.rope.mscale_all_dim);
    latent.softmax_scale *= gain * gain;
  }
}

void expect_text(const ConfigFields& fields, const char* key, const char* only) {
  const std::string text = fields.text_or(key, only);
  if (text == only) return;
  fields.fail(key, fmt::format("\"{}\" is not supported; deepseek_v3 has \"{}\"", text, only));
}

/// Choice among the best groups of experts (DeepSeek-V3, 2.1.2).
void read_groups(const ConfigFields& fields, MoeConfig& moe) {
  moe.num_groups = fields.whole("n_group", 1, moe.num_experts);
  moe.num_kept_groups = fields.whole("topk_group", 1, moe.num_experts);
  if (moe.num_experts % moe.num_groups != 0) {
    fields.fail("n_group", fmt::format("{} does not divide n_routed_experts {}", moe.num_groups,
                                       moe.num_experts));
  }
  const int64_t group_size = moe.num_experts / moe.num_groups;
  if (moe.num_groups > 1 && group_size < 2) {
    fields.fail("n_group", fmt::format("{} makes groups of {} expert, must leave 2 in each: a "
                                       "group is scored by its two best",
                                       moe.num_groups, group_size));
  }
  if (moe.num_kept_groups > moe.num_groups) {
    fields.fail("topk_group", fmt::format("is {}, must be at most n_group {}", moe.num_kept_groups,
                                          moe.num_groups));
  }
  moe.num_experts_per_token = read_experts_per_token(
      fields, moe.num_kept_groups * group_size,
      fmt::format("topk_group {} groups of {} experts are kept", moe.num_kept_groups, group_size));
}

void read_mixture(const ConfigFields& fields, ModelConfig& config) {
  MoeConfig& moe = config.moe;
  moe.num_experts = read_num_experts(fields, "n_routed_experts");
  read_groups(fields, moe);
  // Null there is none; absent, transformers' default.
  const int64_t shared = fields.is_stated("n_shared_experts") ? 0 : 1;
  moe.num_shared_experts = fields.whole_or("n_shared_experts", shared, 0, kMaxHeads);
  moe.expert_size = fields.whole("moe_intermediate_size", 1, kMaxWidth);
  expect_text(fields, "scoring_func", "sigmoid");
  expect_text(fields, "topk_method", "noaux_tc");
  moe.score = RouterScore::sigmoid;
  moe.has_choice_bias = true;
  moe.normalize = fields.flag_or("norm_topk_prob", true);
  moe.scale = fields.real_or("routed_scaling_factor", 2.5, 1e-6, 1e6);
  check_expert_count(fields, config, "n_routed_experts");
}

int64_t read_num_mtp_layers(const ConfigFields& fields) {
  // transformers 5 knows it by both names.
  const char* key =
      fields.has("num_nextn_predict_layers") ? "num_nextn_predict_layers" : "num_mtp_layers";
  return fields.whole_or(key, 0, 0, 64);
}

/// Dense layers first, then mixtures; a prediction module is a layer like those before it.
void read_layers(const ConfigFields& fields, ModelConfig& config) {
  config.num_mtp_layers = read_num_mtp_layers(fields);
  const int64_t first = fields.whole("first_k_dense_replace", 0, config.num_layers);
  const int64_t step = fields.whole_or("moe_layer_freq", 1, 1, kMaxLayers);
  bool has_mixture = false;
  bool has_dense = false;
  for (int64_t l = 0; l < config.num_layers + config.num_mtp_layers; ++l) {
    LayerConfig layer;
    layer.attention = AttentionKind::latent;
    const bool is_mixture = l >= first && l % step == 0;
    layer.ffn = is_mixture ? FfnKind::mixture_of_experts : FfnKind::swiglu;
    (is_mixture ? has_mixture : has_dense) = true;
    config.layers.push_back(layer);
  }
  if (has_dense || fields.has("intermediate_size")) {
    config.intermediate_size = fields.whole("intermediate_size", 1, kMaxWidth);
  }
  if (has_mixture) read_mixture(fields, config);
}

// DeepSeek-V3 (arXiv:2412.19437); names and defaults as transformers 5.23 has them.
void read_deepseek_v3(const ConfigFields& fields, ModelConfig& config) {
  read_sizes(fields, config);
  read_latent(fields, config);
  read_layers(fields, config);
}

}  // namespace

extern const Family kDeepseekV3{
    .model_type = "deepseek_v3",
    .architecture = "DeepseekV3ForCausalLM",
    .gguf_arch = "",
    .read_config = read_deepseek_v3,
    .stem = common_stem,
    .has_mtp = true,
};

}  // namespace gradus::policy
