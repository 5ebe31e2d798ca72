#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>

#include "base/random.h"
#include "policy/policy.h"

namespace gradus::policy {

/// config.json of a tiny dense decoder with latent attention and two prediction modules.
inline nlohmann::json tiny_latent_config() {
  return {{"architectures", {"DeepseekV3ForCausalLM"}},
          {"model_type", "deepseek_v3"},
          {"vocab_size", 61},
          {"hidden_size", 32},
          {"intermediate_size", 48},
          {"moe_intermediate_size", 16},
          {"num_hidden_layers", 2},
          {"first_k_dense_replace", 2},
          // Mixtures every 50 layers: the prediction modules are dense as well.
          {"moe_layer_freq", 50},
          {"num_nextn_predict_layers", 2},
          {"num_attention_heads", 4},
          {"num_key_value_heads", 4},
          {"q_lora_rank", 20},
          {"kv_lora_rank", 12},
          {"qk_nope_head_dim", 10},
          {"qk_rope_head_dim", 8},
          {"v_head_dim", 12},
          {"n_routed_experts", 8},
          {"n_shared_experts", 1},
          {"n_group", 4},
          {"topk_group", 2},
          {"num_experts_per_tok", 3},
          {"max_position_embeddings", 256},
          {"rms_norm_eps", 1e-6},
          {"initializer_range", 0.2},
          {"torch_dtype", "float32"}};
}

/// A fresh policy whose norms are no ones.
inline std::unique_ptr<Policy> tiny_latent_policy(const PolicyConfig& config,
                                                  const nlohmann::json& model, ThreadTeam& team) {
  auto policy = Policy::initialize(config, model, 3, team);
  for (auto& parameter : policy->parameters()) {
    if (parameter.value.dim() != 1) continue;
    RandomStream random(9, hash_text(parameter.name));
    auto* values = parameter.value.data_ptr<float>();
    for (int64_t i = 0; i < parameter.value.numel(); ++i) {
      values[i] = static_cast<float>(0.3 + random.uniform());
    }
  }
  policy->publish_weights(team);
  return policy;
}

inline std::vector<int64_t> tiny_tokens(int64_t count, int64_t vocab_size, uint64_t seed) {
  RandomStream random(seed);
  std::vector<int64_t> tokens;
  for (int64_t i = 0; i < count; ++i) tokens.push_back(random.below(vocab_size));
  return tokens;
}

inline PackedBatch packed_of(const std::vector<std::vector<int64_t>>& sequences) {
  PackedBatch batch;
  for (const auto& tokens : sequences) {
    batch.segments.push_back({batch.num_rows(), std::ssize(tokens), -1});
    for (size_t i = 0; i < tokens.size(); ++i) {
      batch.tokens.push_back(tokens[i]);
      batch.positions.push_back(static_cast<int32_t>(i));
    }
  }
  return batch;
}

}  // namespace gradus::policy
