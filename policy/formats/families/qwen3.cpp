#include "policy/formats/config_fields.h"
#include "policy/formats/families/dense.h"
#include "policy/formats/gguf/gguf_names.h"

namespace gradus::policy {
namespace {

void read_qwen3(const ConfigFields& fields, ModelConfig& config) {
  read_dense_config(fields, config, 128);
  config.qk_norm = true;
  config.attention_qkv_bias = fields.flag_or("attention_bias", false);
  config.attention_out_bias = config.attention_qkv_bias;
  read_qwen_windows(fields, config);
}

void complete_qwen3_config(const GgufFile& gguf, nlohmann::json& config) {
  config["attention_bias"] = has_gguf_bias(gguf, TensorRole::query);
}

}  // namespace

extern const Family kQwen3{
    .model_type = "qwen3",
    .architecture = "Qwen3ForCausalLM",
    .gguf_arch = "qwen3",
    .read_config = read_qwen3,
    .stem = common_stem,
    .attention_bias_flag = "attention_bias",
    .complete_hf_config = complete_qwen3_config,
};

}  // namespace gradus::policy
