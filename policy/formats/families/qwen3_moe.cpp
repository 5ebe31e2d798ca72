#include <fmt/format.h>

#include <set>

#include "policy/formats/config_fields.h"
#include "policy/formats/families/dense.h"
#include "policy/formats/families/mixture.h"

namespace gradus::policy {
namespace {

std::set<int64_t> read_dense_layers(const ConfigFields& fields, const ModelConfig& config) {
  std::set<int64_t> layers;
  const nlohmann::json* list = fields.value("mlp_only_layers");
  if (list == nullptr) return layers;
  if (!list->is_array()) fields.fail("mlp_only_layers", "must be a list of layers");
  for (const auto& entry : *list) {
    const double layer = entry.is_number_integer() ? entry.get<double>() : -1.0;
    if (layer < 0 || layer >= static_cast<double>(config.num_layers)) {
      fields.fail("mlp_only_layers", fmt::format("{} is no layer of {} (num_hidden_layers)",
                                                 entry.dump(), config.num_layers));
    }
    layers.insert(static_cast<int64_t>(layer));
  }
  return layers;
}

void read_qwen3_mixture(const ConfigFields& fields, ModelConfig& config) {
  MoeConfig& moe = config.moe;
  moe.num_experts = read_num_experts(fields, "num_experts");
  moe.num_experts_per_token = read_experts_per_token(
      fields, moe.num_experts, fmt::format("num_experts is {}", moe.num_experts));
  moe.expert_size = fields.whole("moe_intermediate_size", 1, kMaxWidth);
  moe.score = RouterScore::softmax;
  moe.normalize = fields.flag_or("norm_topk_prob", false);
  const int64_t step = fields.whole_or("decoder_sparse_step", 1, 1, kMaxLayers);
  const std::set<int64_t> dense = read_dense_layers(fields, config);
  for (int64_t l = 0; l < config.num_layers; ++l) {
    const bool is_mixture = dense.count(l) == 0 && (l + 1) % step == 0;
    config.layers[l].ffn = is_mixture ? FfnKind::mixture_of_experts : FfnKind::swiglu;
  }
  check_expert_count(fields, config, "num_experts");
}

// Unlike qwen3, one window for all layers: transformers' model reads neither max_window_layers nor
// layer_types.
void read_window(const ConfigFields& fields, ModelConfig& config) {
  if (!fields.flag_or("use_sliding_window", false)) return;
  // Null there is no window; absent, the default.
  const int64_t fallback = fields.is_stated("sliding_window") ? 0 : 4096;
  const int64_t window = fields.whole_or("sliding_window", fallback, 1, kMaxPositions);
  for (LayerConfig& layer : config.layers) layer.sliding_window = window;
}

void read_qwen3_moe(const ConfigFields& fields, ModelConfig& config) {
  read_dense_config(fields, config);
  config.qk_norm = true;
  config.attention_qkv_bias = fields.flag_or("attention_bias", false);
  config.attention_out_bias = config.attention_qkv_bias;
  read_qwen3_mixture(fields, config);
  read_window(fields, config);
}

}  // namespace

extern const Family kQwen3Moe{
    .model_type = "qwen3_moe",
    .architecture = "Qwen3MoeForCausalLM",
    .gguf_arch = "",
    .read_config = read_qwen3_moe,
    .stem = common_stem,
    .attention_bias_flag = "attention_bias",
};

}  // namespace gradus::policy
