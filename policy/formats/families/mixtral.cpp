#include <fmt/format.h>

#include "policy/formats/config_fields.h"
#include "policy/formats/families/dense.h"
#include "policy/formats/families/mixture.h"

namespace gradus::policy {
namespace {

constexpr double kDefaultTheta = 1e6;

// Mixtral (arXiv:2401.04088): every layer a mixture, the chosen weights always sum to one.
void read_mixtral(const ConfigFields& fields, ModelConfig& config) {
  read_dense_config(fields, config, 0, kDefaultTheta);
  MoeConfig& moe = config.moe;
  moe.num_experts = read_num_experts(fields, "num_local_experts");
  moe.num_experts_per_token = read_experts_per_token(
      fields, moe.num_experts, fmt::format("num_local_experts is {}", moe.num_experts));
  moe.expert_size = config.intermediate_size;
  moe.score = RouterScore::softmax;
  moe.normalize = true;
  const int64_t window = fields.whole_or("sliding_window", 0, 1, kMaxPositions);
  for (LayerConfig& layer : config.layers) {
    layer.ffn = FfnKind::mixture_of_experts;
    layer.sliding_window = window;
  }
  check_expert_count(fields, config, "num_local_experts");
}

std::string_view stem(TensorRole role) {
  switch (role) {
    case TensorRole::router:
      return "block_sparse_moe.gate";
    case TensorRole::expert_gate:
      return "block_sparse_moe.experts.{}.w1";
    case TensorRole::expert_up:
      return "block_sparse_moe.experts.{}.w3";
    case TensorRole::expert_down:
      return "block_sparse_moe.experts.{}.w2";
    default:
      return common_stem(role);
  }
}

}  // namespace

extern const Family kMixtral{
    .model_type = "mixtral",
    .architecture = "MixtralForCausalLM",
    .gguf_arch = "",
    .read_config = read_mixtral,
    .stem = stem,
};

}  // namespace gradus::policy
