#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "policy/formats/dtype.h"
#include "policy/formats/tensor_info.h"

namespace gradus::policy {

struct ModelConfig;
class CheckpointSource;

/// What a tensor does in the model. Families add roles.
enum class TensorRole {
  embedding,
  attention_norm,
  query,
  key,
  value,
  query_norm,
  key_norm,
  query_down,  // q_a_proj
  query_latent_norm,
  query_up,  // q_b_proj
  kv_down,   // kv_a_proj_with_mqa
  kv_latent_norm,
  kv_up,  // kv_b_proj
  attention_output,
  attention_post_norm,
  ffn_norm,
  ffn_post_norm,
  gate,
  up,
  down,
  router,
  router_bias,  // e_score_correction_bias
  expert_gate,
  expert_up,
  expert_down,
  shared_gate,
  shared_up,
  shared_down,
  mtp_embedding_norm,  // enorm
  mtp_hidden_norm,     // hnorm
  mtp_projection,      // eh_proj
  mtp_final_norm,      // shared_head.norm
  final_norm,
  head,
};

struct TensorSpec {
  std::string name;            // Hugging Face's: model.layers.0.self_attn.q_proj.weight
  std::vector<int64_t> shape;  // [out, in] for projections
  TensorRole role = TensorRole::embedding;
  int64_t layer = -1;  // -1: not in a layer; from num_layers on: a multi-token prediction module
  bool is_bias = false;
  int64_t expert = -1;  // -1: not of a routed expert
};

/// The tensors that a checkpoint of this config must hold, in the order of the forward pass;
/// multi-token prediction modules come last.
std::vector<TensorSpec> expected_tensors(const ModelConfig& config);

/// How a checkpoint's tensors differ from the expected ones; each entry is a line for people.
struct TensorReport {
  std::vector<std::string> missing;
  std::vector<std::string> extra;
  std::vector<std::string> misshaped;

  bool ok() const { return missing.empty() && extra.empty() && misshaped.empty(); }
  /// Counts, then at most `max_names` lines.
  std::string text(size_t max_names = 20) const;
};

/// Not counted as extra: lm_head.weight of a tied model (the embedding is used), the copies of
/// embedding and head that multi-token prediction modules may hold (the model's own are used; a
/// copy of another shape counts as misshaped), and the rotary_emb.inv_freq buffers of old
/// checkpoints (they follow from the config).
TensorReport compare_tensors(const ModelConfig& config,
                             const std::map<std::string, TensorInfo>& tensors);

/// @throws gradus::FileError  unsupported_dtype: whole numbers, truth values, complex numbers.
void check_floating(const TensorInfo& info, const std::string& path);

/// @throws gradus::FileError  tensor_mismatch with the report; unsupported_dtype.
void check_tensors(const ModelConfig& config, const CheckpointSource& source);

/// Parameters of a model, by part; tied weights count once.
struct ParameterCount {
  int64_t embedding = 0;
  int64_t head = 0;  // 0 where it is the embedding's matrix
  int64_t attention = 0;
  int64_t feed_forward = 0;  // all experts and their routers
  int64_t norms = 0;
  int64_t mtp = 0;  // in multi-token prediction modules, beside the total, as published counts are

  int64_t active = 0;      // that one token passes through: of the routed experts, the chosen ones
  int64_t multiplied = 0;  // in one token's matrix products: active matrices, the head once

  int64_t total() const { return embedding + head + attention + feed_forward + norms; }
  /// Unless the embedding is the head as well.
  int64_t active_without_embedding() const { return active - (head == 0 ? 0 : embedding); }
};
/// @throws gradus::FileError  bad_config: more than 2^57 parameters.
ParameterCount count_parameters(const ModelConfig& config);

/// Bytes that one token of context takes in the cache over all layers: keys and values, or the
/// latent and the one rope key (DeepSeek-V2, arXiv:2405.04434, table 1).
int64_t kv_bytes_per_token(const ModelConfig& config, DType cache_dtype);

/// The same for plain multi-head attention of as many heads, each with keys and values of its own:
/// 2 * heads * head_dim a layer; of latent attention heads * (nope_dim + value_dim), as
/// DeepSeek-V2 compares.
int64_t multi_head_kv_bytes_per_token(const ModelConfig& config, DType cache_dtype);

}  // namespace gradus::policy
