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
  attention_output,
  ffn_norm,
  gate,
  up,
  down,
  final_norm,
  head,
};

struct TensorSpec {
  std::string name;            // Hugging Face's: model.layers.0.self_attn.q_proj.weight
  std::vector<int64_t> shape;  // [out, in] for projections
  TensorRole role = TensorRole::embedding;
  int64_t layer = -1;  // -1: not in a layer
  bool is_bias = false;
};

/// The tensors that a checkpoint of this config must hold, in the order of the forward pass.
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

/// Not counted as extra: lm_head.weight of a tied model (the embedding is used), and the
/// rotary_emb.inv_freq buffers of old checkpoints (they follow from the config).
TensorReport compare_tensors(const ModelConfig& config,
                             const std::map<std::string, TensorInfo>& tensors);

/// @throws gradus::FileError  tensor_mismatch with the report.
void check_tensors(const ModelConfig& config, const CheckpointSource& source);

struct ParameterCount {
  int64_t total = 0;      // tied weights once
  int64_t active = 0;     // that one token passes through
  int64_t embedding = 0;  // of them in the embedding and an untied head
};
ParameterCount count_parameters(const ModelConfig& config);

/// Bytes of keys and values that one token of context takes over all layers.
int64_t kv_bytes_per_token(const ModelConfig& config, DType cache_dtype);

}  // namespace gradus::policy
