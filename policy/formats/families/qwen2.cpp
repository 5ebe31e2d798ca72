#include "policy/formats/families/dense.h"

namespace gradus::policy {
namespace {

// Qwen2 and 2.5: biases on query, key and value, always, and on nothing else.
void read_qwen2(const ConfigFields& fields, ModelConfig& config) {
  read_dense_config(fields, config);
  config.attention_qkv_bias = true;
  read_qwen_windows(fields, config);
}

}  // namespace

extern const Family kQwen2{
    .model_type = "qwen2",
    .architecture = "Qwen2ForCausalLM",
    .gguf_arch = "qwen2",
    .read_config = read_qwen2,
    .stem = common_stem,
};

}  // namespace gradus::policy
