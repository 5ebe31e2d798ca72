#include "policy/formats/config_fields.h"
#include "policy/formats/families/dense.h"
#include "policy/formats/gguf/gguf_names.h"

namespace gradus::policy {
namespace {

void read_llama(const ConfigFields& fields, ModelConfig& config) {
  read_dense_config(fields, config);
  config.attention_qkv_bias = fields.flag_or("attention_bias", false);
  config.attention_out_bias = config.attention_qkv_bias;
  config.mlp_bias = fields.flag_or("mlp_bias", false);
}

void complete_llama_config(const GgufFile& gguf, nlohmann::json& config) {
  config["attention_bias"] = has_gguf_bias(gguf, TensorRole::query);
  config["mlp_bias"] = has_gguf_bias(gguf, TensorRole::gate);
}

}  // namespace

extern const Family kLlama{
    .model_type = "llama",
    .architecture = "LlamaForCausalLM",
    .gguf_arch = "llama",
    .read_config = read_llama,
    .stem = common_stem,
    .attention_bias_flag = "attention_bias",
    .mlp_bias_flag = "mlp_bias",
    .gguf_interleaves_rope = true,
    .complete_hf_config = complete_llama_config,
};

}  // namespace gradus::policy
