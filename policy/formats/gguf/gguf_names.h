#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "policy/formats/expected_tensors.h"

namespace gradus::policy {

struct ModelConfig;
class GgufFile;

/// GGUF's name of a tensor: "blk.0.attn_q.weight" for model.layers.0.self_attn.q_proj.weight. The
/// stems are the same in every architecture of llama.cpp.
std::string gguf_tensor_name(const TensorSpec& spec);
/// @param layer  -1: of none.
std::string gguf_tensor_name(TensorRole role, int64_t layer = -1, bool is_bias = false);

/// Whether the file's first layer has a bias in this role.
bool has_gguf_bias(const GgufFile& gguf, TensorRole role);

/// All tensors of a model, keyed by their GGUF names.
std::map<std::string, TensorSpec> tensors_by_gguf_name(const ModelConfig& config);

/// The tensor of llama3 rope: divisors of the frequencies, one per pair; not a parameter.
inline constexpr std::string_view kGgufRopeFreqs = "rope_freqs.weight";

/// Heads whose rows of this tensor llama.cpp stores interleaved; 0: rows are stored as they are.
/// Row s * hd/2 + j of a head (s: half, j: pair) lies at 2 j + s of that head in the file.
int64_t interleaved_heads(const ModelConfig& config, const TensorSpec& spec);

/// From the file's order to Hugging Face's, in place.
/// @param values  [num_heads, head_dim, columns]; a bias has one column.
void deinterleave_rows(std::span<float> values, int64_t num_heads, int64_t head_dim);

/// Row of Hugging Face's order that belongs at `gguf_row`, heads being `head_dim` rows each.
int64_t hf_row_of(int64_t gguf_row, int64_t head_dim);

}  // namespace gradus::policy
