#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

namespace gradus {

/// config.json of a tiny decoder whose second layer is a mixture of eight experts, with latent
/// attention and biased routers.
inline nlohmann::json tiny_mixture_config(int64_t vocab_size) {
  return {{"architectures", {"DeepseekV3ForCausalLM"}},
          {"model_type", "deepseek_v3"},
          {"vocab_size", vocab_size},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"moe_intermediate_size", 16},
          {"num_hidden_layers", 3},
          {"first_k_dense_replace", 1},
          {"num_attention_heads", 2},
          {"num_key_value_heads", 2},
          {"q_lora_rank", nullptr},
          {"kv_lora_rank", 12},
          {"qk_nope_head_dim", 8},
          {"qk_rope_head_dim", 4},
          {"v_head_dim", 8},
          {"n_routed_experts", 8},
          {"n_shared_experts", 1},
          {"n_group", 2},
          {"topk_group", 1},
          {"num_experts_per_tok", 2},
          {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-6},
          {"initializer_range", 0.3},
          {"torch_dtype", "float32"}};
}

/// One of Qwen3-MoE's kind: grouped-query attention, softmax routers without bias or shared
/// experts.
inline nlohmann::json tiny_softmax_mixture_config(int64_t vocab_size) {
  return {{"architectures", {"Qwen3MoeForCausalLM"}},
          {"model_type", "qwen3_moe"},
          {"vocab_size", vocab_size},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"moe_intermediate_size", 16},
          {"num_hidden_layers", 2},
          {"decoder_sparse_step", 1},
          {"mlp_only_layers", nlohmann::json::array()},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 2},
          {"head_dim", 8},
          {"num_experts", 6},
          {"num_experts_per_tok", 2},
          {"norm_topk_prob", true},
          {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-6},
          {"initializer_range", 0.3},
          {"tie_word_embeddings", false},
          {"torch_dtype", "float32"}};
}

}  // namespace gradus
