#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "policy/formats/dtype.h"
#include "policy/formats/hf/fp8_format.h"
#include "policy/formats/rope.h"

namespace gradus::policy {

class CheckpointSource;

/// What stands in a layer's two halves. Families add kinds.
enum class AttentionKind { grouped_query, latent };
enum class FfnKind { swiglu, mixture_of_experts };
/// Of the gated feed-forwards, experts included; gelu_tanh is hidden_act gelu_pytorch_tanh.
enum class Activation { silu, gelu_tanh };

struct LayerConfig {
  AttentionKind attention = AttentionKind::grouped_query;
  FfnKind ffn = FfnKind::swiglu;
  /// Query i sees keys j with i - sliding_window < j <= i; 0: all keys j <= i.
  int64_t sliding_window = 0;
  bool has_local_rope = false;  // turns by ModelConfig::local_rope
};

/// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434, 2.1). Layers of kind latent share
/// it; num_kv_heads and head_dim mean nothing to them.
struct LatentConfig {
  int64_t q_rank = 0;           // q_lora_rank; 0: one q_proj instead of two
  int64_t kv_rank = 0;          // kv_lora_rank
  int64_t nope_dim = 0;         // of a head's query and key, without rope
  int64_t rope_dim = 0;         // even; of a head's query, and of the one key that all heads share
  int64_t value_dim = 0;        // v_head_dim
  bool rope_interleave = true;  // component 2i turns with 2i + 1, else i with i + rope_dim / 2
  double softmax_scale = 1.0;   // (nope_dim + rope_dim)^-0.5, times YaRN's mscale_all_dim squared
  bool expand_cache = false;    // model.latent_cache: keys and values of every head are cached
};

enum class RouterScore { softmax, sigmoid };

/// A mixture of experts (DeepSeekMoE, arXiv:2401.06066; Mixtral, arXiv:2401.04088). Layers of kind
/// mixture_of_experts share it.
struct MoeConfig {
  int64_t num_experts = 0;            // routed
  int64_t num_experts_per_token = 0;  // K
  int64_t num_shared_experts = 0;     // one SwiGLU of inner size num_shared_experts * expert_size
  int64_t expert_size = 0;            // moe_intermediate_size
  int64_t num_groups = 1;             // consecutive groups of experts, of which
  int64_t num_kept_groups = 1;        // topk_group stay; a group's score: its two largest
  RouterScore score = RouterScore::softmax;
  bool has_choice_bias = false;  // e_score_correction_bias: for choosing alone
  bool normalize = false;        // the chosen weights are divided by their sum
  double scale = 1.0;            // routed_scaling_factor
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

  bool tie_word_embeddings = false;  // the head is the embedding, whatever lm_head.weight says
  bool attention_qkv_bias = false;
  bool attention_out_bias = false;
  bool mlp_bias = false;
  bool qk_norm = false;  // RMSNorm of each head's query and key, before rope
  Activation activation = Activation::silu;
  /// A half of a layer, attention or feed-forward f: x + f(norm(x)), x + norm(f(x)) (OLMo 2), or
  /// with both x + norm(f(norm(x))) (Gemma 2).
  bool norm_before = true;
  bool norm_behind = false;

  std::vector<LayerConfig> layers;  // [num_layers], then [num_mtp_layers]
  LatentConfig latent;              // where a layer's attention is latent
  MoeConfig moe;                    // where a layer's feed-forward is a mixture
  /// Multi-token prediction modules (DeepSeek-V3, arXiv:2412.19437, 2.2): num_nextn_predict_layers;
  /// 0 too where the config promises some and the checkpoint has none.
  int64_t num_mtp_layers = 0;
  RopeConfig rope;
  RopeConfig local_rope;  // of layers that say so (Gemma 3: those with a window)

  std::optional<int64_t> bos_token_id;
  std::vector<int64_t> eos_token_ids;  // generation stops at any of them; may be empty
  DType dtype = DType::F32;            // that the weights were made in: F32, BF16 or F16
  std::optional<Fp8Format> fp8;        // quantization_config: projections are stored in FP8
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

/// Components of a head that rope turns: rope_frequencies takes it.
int64_t rope_dim(const ModelConfig& config);

/// The config of an opened checkpoint of any format. Multi-token prediction modules that the config
/// promises and the checkpoint does not hold are left out; those it holds beside a config that does
/// not mention them are counted. Where the config ties a head that the checkpoint holds and that is
/// not the embedding, tie_word_embeddings is false.
ModelConfig load_model_config(const CheckpointSource& source);

}  // namespace gradus::policy
