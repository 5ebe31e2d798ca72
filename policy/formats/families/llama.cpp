#include "policy/formats/config_fields.h"
#include "policy/formats/families/dense.h"
#include "policy/formats/gguf/gguf.h"

namespace gradus::policy {
namespace {

void read_llama(const ConfigFields& fields, ModelConfig& config) {
  read_dense_config(fields, config);
  config.attention_qkv_bias = fields.flag_or("attention_bias", false);
  config.attention_out_bias = config.attention_qkv_bias;
  config.mlp_bias = fields.flag_or("mlp_bias", false);
}

void complete_llama_config(const GgufFile& gguf, nlohmann::json& config) {
  config["attention_bias"] = gguf.find("blk.0.attn_q.bias") != nullptr;
  config["mlp_bias"] = gguf.find("blk.0.ffn_gate.bias") != nullptr;
}

}  // namespace

const Family kLlama{
    .model_type = "llama",
    .architecture = "LlamaForCausalLM",
    .gguf_arch = "llama",
    .read_config = read_llama,
    .stem = common_stem,
    .gguf_interleaves_rope = true,
    .complete_hf_config = complete_llama_config,
};

}  // namespace gradus::policy
