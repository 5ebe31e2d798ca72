#include "policy/formats/families/dense.h"

#include <fmt/format.h>

#include "policy/formats/config_fields.h"

namespace gradus::policy {
namespace {

int64_t head_dim_of(const ConfigFields& fields, const ModelConfig& config, int64_t fallback) {
  if (!fields.has("head_dim") && fallback == 0) {
    if (config.hidden_size % config.num_heads != 0) {
      fields.fail("num_attention_heads",
                  fmt::format("{} does not divide hidden_size {}, and there is no head_dim",
                              config.num_heads, config.hidden_size));
    }
    fallback = config.hidden_size / config.num_heads;
  }
  const int64_t head_dim = fields.whole_or("head_dim", fallback, 1, kMaxHeads);
  if (head_dim % 2 != 0) {
    fields.fail("head_dim", fmt::format("is {}, must be even for rope", head_dim));
  }
  return head_dim;
}

}  // namespace

void read_activation(const ConfigFields& fields, ModelConfig& config) {
  const std::string name = fields.text_or("hidden_act", "silu");
  if (name == "silu" || name == "swish") {
    config.activation = Activation::silu;
  } else if (name == "gelu_pytorch_tanh") {
    config.activation = Activation::gelu_tanh;
  } else {
    fields.fail(
        "hidden_act",
        fmt::format("\"{}\" is not supported; supported are silu and gelu_pytorch_tanh", name));
  }
}

void read_dense_config(const ConfigFields& fields, ModelConfig& config, int64_t default_head_dim,
                       double default_theta) {
  config.hidden_size = fields.whole("hidden_size", 1, kMaxWidth);
  config.num_layers = fields.whole("num_hidden_layers", 1, kMaxLayers);
  config.num_heads = fields.whole("num_attention_heads", 1, kMaxHeads);
  config.num_kv_heads = fields.whole_or("num_key_value_heads", config.num_heads, 1, kMaxHeads);
  if (config.num_heads % config.num_kv_heads != 0) {
    fields.fail("num_key_value_heads", fmt::format("{} does not divide num_attention_heads {}",
                                                   config.num_kv_heads, config.num_heads));
  }
  config.head_dim = head_dim_of(fields, config, default_head_dim);
  config.intermediate_size = fields.whole("intermediate_size", 1, kMaxWidth);
  config.vocab_size = fields.whole("vocab_size", 1, kMaxWidth);
  config.max_position_embeddings =
      fields.whole_or("max_position_embeddings", 2048, 1, kMaxPositions);
  config.rms_norm_eps = fields.real_or("rms_norm_eps", 1e-6, 0.0, 1.0);
  config.tie_word_embeddings = fields.flag_or("tie_word_embeddings", false);
  read_activation(fields, config);
  config.rope = read_rope(fields, default_theta, config.max_position_embeddings);
  config.layers.assign(config.num_layers, LayerConfig{});
}

void read_qwen_windows(const ConfigFields& fields, ModelConfig& config) {
  const bool uses_window = fields.flag_or("use_sliding_window", false);
  // transformers ignores every other window field then.
  if (!uses_window) return;
  const int64_t window = fields.whole_or("sliding_window", 4096, 1, kMaxPositions);
  const int64_t first = fields.whole_or("max_window_layers", 28, 0, kMaxLayers);
  const nlohmann::json* types = fields.value("layer_types");
  if (types != nullptr && (!types->is_array() || types->size() != config.layers.size())) {
    fields.fail("layer_types", fmt::format("must list {} layers", config.num_layers));
  }
  for (int64_t layer = 0; layer < config.num_layers; ++layer) {
    bool slides = layer >= first;
    if (types != nullptr) {
      const nlohmann::json& type = (*types)[layer];
      slides = type == "sliding_attention";
      if (!slides && type != "full_attention") {
        fields.fail("layer_types", fmt::format("entry {} must be \"full_attention\" or "
                                               "\"sliding_attention\"",
                                               layer));
      }
    }
    config.layers[layer].sliding_window = slides ? window : 0;
  }
}

}  // namespace gradus::policy
