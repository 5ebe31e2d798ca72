#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "policy/formats/dtype.h"
#include "policy/formats/rope.h"

namespace gradus::policy {

class CheckpointSource;

/// What stands in a layer's two halves. Families add kinds.
enum class AttentionKind { grouped_query };
enum class FfnKind { swiglu };

struct LayerConfig {
  AttentionKind attention = AttentionKind::grouped_query;
  FfnKind ffn = FfnKind::swiglu;
  /// Query i sees keys j with i - sliding_window < j <= i; 0: all keys j <= i.
  int64_t sliding_window = 0;
};

/// A decoder as its config.json describes it; every field has been checked.
struct ModelConfig {
  std::string model_type;    // "llama": the family
  std::string architecture;  // "LlamaForCausalLM"

  int64_t hidden_size = 0;
  int64_t num_layers = 0;
  int64_t num_heads = 0;
  int64_t num_kv_heads = 0;  // divides num_heads; query head i uses kv head i / (heads / kv_heads)
  int64_t head_dim = 0;      // even; not always hidden_size / num_heads
  int64_t intermediate_size = 0;
  int64_t vocab_size = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;

  bool tie_word_embeddings = false;  // the head is the embedding; no lm_head.weight
  bool attention_qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;  // RMSNorm of each head's query and key, before rope
  std::string hidden_act = "silu";

  std::vector<LayerConfig> layers;  // [num_layers]
  RopeConfig rope;

  std::optional<int64_t> bos_token_id;
  std::vector<int64_t> eos_token_ids;  // generation stops at any of them; may be empty
  DType dtype = DType::F32;            // that the weights were made in: F32, BF16 or F16
  nlohmann::json raw;                  // the whole config.json, to be saved again
};

/// Reads a config.json of a known family, in the dialects of transformers 4 and 5.
///
/// @param where       what messages name, usually the file.
/// @param generation  generation_config.json beside it, or null; its token ids win.
/// @throws gradus::FileError  unsupported_architecture (lists the supported ones); bad_config, by
///                            field.
ModelConfig parse_model_config(const nlohmann::json& config, const std::string& where,
                               const nlohmann::json& generation = nullptr);

/// The config of an opened checkpoint of any format.
ModelConfig load_model_config(const CheckpointSource& source);

}  // namespace gradus::policy
