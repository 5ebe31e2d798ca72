#include "policy/formats/gguf/gguf_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "policy/formats/families/family.h"
#include "policy/formats/gguf/gguf.h"

namespace gradus::policy {
namespace {

std::string_view stem_of(TensorRole role) {
  switch (role) {
    case TensorRole::embedding:
      return "token_embd";
    case TensorRole::attention_norm:
      return "attn_norm";
    case TensorRole::query:
      return "attn_q";
    case TensorRole::key:
      return "attn_k";
    case TensorRole::value:
      return "attn_v";
    case TensorRole::query_norm:
      return "attn_q_norm";
    case TensorRole::key_norm:
      return "attn_k_norm";
    case TensorRole::attention_output:
      return "attn_output";
    case TensorRole::ffn_norm:
      return "ffn_norm";
    case TensorRole::gate:
      return "ffn_gate";
    case TensorRole::up:
      return "ffn_up";
    case TensorRole::down:
      return "ffn_down";
    case TensorRole::final_norm:
      return "output_norm";
    case TensorRole::head:
      return "output";
    default:  // latent attention, mixtures: families without GGUF
      throw ArgumentError("a tensor role without a GGUF name");
  }
}

}  // namespace

std::string gguf_tensor_name(const TensorSpec& spec) {
  return gguf_tensor_name(spec.role, spec.layer, spec.is_bias);
}

std::string gguf_tensor_name(TensorRole role, int64_t layer, bool is_bias) {
  const char* ending = is_bias ? "bias" : "weight";
  if (layer < 0) return fmt::format("{}.{}", stem_of(role), ending);
  return fmt::format("blk.{}.{}.{}", layer, stem_of(role), ending);
}

bool has_gguf_bias(const GgufFile& gguf, TensorRole role) {
  return gguf.find(gguf_tensor_name(role, 0, true)) != nullptr;
}

std::map<std::string, TensorSpec> tensors_by_gguf_name(const ModelConfig& config) {
  std::map<std::string, TensorSpec> result;
  for (TensorSpec& spec : expected_tensors(config)) {
    std::string name = gguf_tensor_name(spec);
    result.emplace(std::move(name), std::move(spec));
  }
  return result;
}

int64_t interleaved_heads(const ModelConfig& config, const TensorSpec& spec) {
  if (!family_of(config).gguf_interleaves_rope) return 0;
  if (spec.role == TensorRole::query) return config.num_heads;
  if (spec.role == TensorRole::key) return config.num_kv_heads;
  return 0;
}

int64_t hf_row_of(int64_t gguf_row, int64_t head_dim) {
  const int64_t head = gguf_row / head_dim;
  const int64_t in_head = gguf_row % head_dim;
  return head * head_dim + (in_head % 2) * (head_dim / 2) + in_head / 2;
}

void deinterleave_rows(std::span<float> values, int64_t num_heads, int64_t head_dim) {
  const size_t columns = values.size() / static_cast<size_t>(num_heads * head_dim);
  std::vector<float> stored(head_dim * columns);
  for (int64_t head = 0; head < num_heads; ++head) {
    const auto part = values.subspan(head * stored.size(), stored.size());
    std::copy(part.begin(), part.end(), stored.begin());
    for (int64_t row = 0; row < head_dim; ++row) {
      std::copy_n(stored.begin() + row * columns, columns,
                  part.begin() + hf_row_of(row, head_dim) * columns);
    }
  }
}

}  // namespace gradus::policy
