#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/expected_tensors.h"
#include "policy/model/decoder.h"
#include "policy/weights/adapter_files.h"

namespace gradus::policy {
namespace {

TensorSource checkpoint_values(const CheckpointSource& checkpoint, const AdapterFile* adapters,
                               bool allow_nonfinite) {
  return [&checkpoint, adapters, allow_nonfinite](
             const std::string& name, const std::vector<int64_t>& shape, std::span<float> out) {
    if (adapters != nullptr && name.find(".lora_") != std::string::npos)
      return adapters->read(name, shape, out);
    checkpoint.read_f32(name, out, allow_nonfinite ? NonFinite::allow : NonFinite::refuse);
  };
}

/// normal(0, initializer_range) for matrices, 1 for norms, 0 for biases, each tensor from a stream
/// of its own.
TensorSource fresh_values(double range, uint64_t seed) {
  return [range, seed](const std::string& name, const std::vector<int64_t>& shape,
                       std::span<float> out) {
    if (shape.size() == 1) {
      std::ranges::fill(out, name.ends_with("bias") ? 0.0F : 1.0F);
      return;
    }
    RandomStream random(seed, hash_text(name), 0, 0);
    for (float& value : out) value = static_cast<float>(range * random.normal());
  };
}

}  // namespace

std::unique_ptr<Policy> Policy::load(const PolicyConfig& config, Purpose purpose,
                                     ThreadTeam& team) {
  if (config.path.empty()) throw ConfigError("model.path: is empty, must name a checkpoint");
  const auto checkpoint = open_checkpoint(config.path);
  auto model = load_model_config(*checkpoint);
  check_tensors(model, *checkpoint);
  std::unique_ptr<AdapterFile> adapters;
  PolicyConfig adapted = config;
  if (!config.lora.path.empty()) {
    adapters = std::make_unique<AdapterFile>(config.lora.path);
    adapters->configure(adapted.lora);
  }
  return std::make_unique<Decoder>(
      std::move(adapted), std::move(model), purpose,
      checkpoint_values(*checkpoint, adapters.get(), config.allow_nonfinite), team);
}

std::unique_ptr<Policy> Policy::initialize(const PolicyConfig& config,
                                           const nlohmann::json& model_config, uint64_t seed,
                                           ThreadTeam& team) {
  auto model = parse_model_config(model_config, "model.config");
  const double range = model_config.value("initializer_range", 0.02);
  return std::make_unique<Decoder>(config, std::move(model), Purpose::training,
                                   fresh_values(range, seed), team);
}

}  // namespace gradus::policy
