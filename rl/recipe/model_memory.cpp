#include "rl/recipe/model_memory.h"

#include "base/error.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/layer_tensors.h"
#include "policy/formats/model_config.h"
#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {
namespace {

constexpr int64_t kElementBytes = 4;
constexpr int64_t kBf16Bytes = 2;

/// Bytes of the matrices that FP8 checkpoints hold in FP8, scales included, less what they would
/// take in BF16.
int64_t fp8_difference(const policy::ModelConfig& config, int64_t layer) {
  const policy::Fp8Format format = config.fp8.value_or(policy::Fp8Format{});
  int64_t bytes = 0;
  for (const auto& tensor : policy::layer_tensors(config, layer)) {
    if (!tensor.is_matrix() || !policy::is_fp8_role(tensor.role)) continue;
    const auto scales = policy::fp8_scale_shape(format, tensor.shape);
    bytes += tensor.count *
             (scales[0] * scales[1] * kElementBytes - tensor.num_elements() * (kBf16Bytes - 1));
  }
  return bytes;
}

int64_t weight_bytes(const policy::ModelConfig& config, WeightPrecision precision,
                     int64_t parameters) {
  if (precision == WeightPrecision::float32) return kElementBytes * parameters;
  int64_t bytes = kBf16Bytes * parameters;
  if (precision == WeightPrecision::bfloat16) return bytes;
  for (const auto& kind : policy::layer_kinds(config)) {
    bytes += kind.count * fp8_difference(config, kind.layer);
  }
  for (int64_t k = 0; k < config.num_mtp_layers; ++k) {
    bytes += fp8_difference(config, config.num_layers + k);
  }
  return bytes;
}

}  // namespace

ModelMemory model_memory(const policy::ModelConfig& config, WeightPrecision precision,
                         int64_t num_devices) {
  if (num_devices < 1) throw ArgumentError("a model needs at least one device");
  const auto count = policy::count_parameters(config);
  const int64_t parameters = count.total() + count.mtp;
  const bool is_float32 = precision == WeightPrecision::float32;
  const auto share = [&](int64_t bytes) { return (bytes + num_devices - 1) / num_devices; };
  const policy::DType cache = is_float32 ? policy::DType::F32 : policy::DType::BF16;
  ModelMemory memory;
  memory.num_devices = num_devices;
  memory.weights = share(weight_bytes(config, precision, parameters));
  memory.master_weights = is_float32 ? 0 : share(kElementBytes * parameters);
  memory.gradients = share(kElementBytes * parameters);
  memory.adamw = share(adamw_kinds().at("adamw").num_bytes(parameters));
  memory.adamw_8bit = share(adamw_kinds().at("adamw_8bit").num_bytes(parameters));
  memory.cache_per_token = policy::kv_bytes_per_token(config, cache);
  memory.multi_head_cache_per_token = policy::multi_head_kv_bytes_per_token(config, cache);
  if (__builtin_mul_overflow(memory.cache_per_token, config.max_position_embeddings,
                             &memory.cache_at_full_context)) {
    throw ArgumentError("max_position_embeddings: the cache of one sequence passes 2^63 bytes");
  }
  return memory;
}

}  // namespace gradus::rl
