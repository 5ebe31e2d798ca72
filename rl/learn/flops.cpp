#include "rl/learn/flops.h"

#include "policy/formats/expected_tensors.h"
#include "rl/learn/work_model.h"

namespace gradus::rl {
namespace {

double flops_per_key(const policy::ModelConfig& c, const policy::LayerConfig& layer) {
  const bool is_latent = layer.attention == policy::AttentionKind::latent;
  const int64_t key_dim = is_latent ? c.latent.nope_dim + c.latent.rope_dim : c.head_dim;
  const int64_t value_dim = is_latent ? c.latent.value_dim : c.head_dim;
  return static_cast<double>(2 * c.num_heads * (key_dim + value_dim));
}

}  // namespace

double forward_flops(const policy::ModelConfig& config, int64_t place) {
  return forward_flops(config, place, 1);
}

double forward_flops(const policy::ModelConfig& config, int64_t first, int64_t length) {
  double flops = 2.0 * static_cast<double>(policy::count_parameters(config).multiplied) *
                 static_cast<double>(length);
  for (int64_t l = 0; l < config.num_layers; ++l) {
    const auto& layer = config.layers[static_cast<size_t>(l)];
    flops += flops_per_key(config, layer) * seen_keys(first, length, layer.sliding_window);
  }
  return flops;
}

double training_flops(const policy::ModelConfig& config, int64_t length, bool is_checkpointed) {
  return (is_checkpointed ? 4.0 : 3.0) * forward_flops(config, 0, length);
}

}  // namespace gradus::rl
