#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/random.h"
#include "policy/formats/adapter_targets.h"
#include "policy/formats/config_fields.h"
#include "policy/formats/expected_tensors.h"
#include "policy/formats/families/family.h"
#include "policy/model/decoder.h"
#include "policy/weights/peft/adapted_checkpoint.h"

namespace gradus::policy {
namespace {

TensorSource checkpoint_values(const PolicyCheckpoint& checkpoint, bool allow_nonfinite) {
  return [checkpoint, allow_nonfinite](const std::string& name, const std::vector<int64_t>& shape,
                                       std::span<float> out) {
    if (name.find(".lora_") != std::string::npos) {
      return checkpoint.adapted->read_side(name, shape, out);
    }
    checkpoint.source->read_f32(name, out, allow_nonfinite ? NonFinite::allow : NonFinite::refuse);
  };
}

/// What the adapter's file says in place of the settings.
void configure(LoraConfig& lora, const AdaptedCheckpoint& checkpoint) {
  const AdapterConfig& config = checkpoint.adapter()->config();
  lora.rank = static_cast<int>(config.rank);
  lora.alpha = config.alpha;
  std::set<std::string> targets(config.targets.names.begin(), config.targets.names.end());
  for (const auto& [tensor, product] : checkpoint.plan().live) {
    const auto module = std::string_view(tensor).substr(0, tensor.rfind('.'));
    if (config.targets.names.empty()) targets.emplace(adapter_target(module));
  }
  lora.targets.assign(targets.begin(), targets.end());
}

/// Fresh adapters stand beside linear layers; an embedding has them only in a file.
void check_fresh_targets(const LoraConfig& lora, const ModelConfig& model) {
  const std::string embedding(adapter_target(family_of(model).stem(TensorRole::embedding)));
  if (lora.rank == 0 || std::ranges::find(lora.targets, embedding) == lora.targets.end()) return;
  throw ConfigError("model.lora.targets: " + embedding +
                    " is an embedding, beside which no adapter can be trained; leave it out");
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
  const PolicyCheckpoint checkpoint = open_policy_checkpoint(config, LiveProducts::linear_layers);
  auto model = load_model_config(*checkpoint.source);
  check_tensors(model, *checkpoint.source);
  PolicyConfig adapted = config;
  const LiveAdapters* adapters = nullptr;
  if (!config.lora.path.empty()) {
    configure(adapted.lora, *checkpoint.adapted);
    adapters = &checkpoint.adapted->plan().live;
  } else {
    check_fresh_targets(config.lora, model);
  }
  return std::make_unique<Decoder>(std::move(adapted), std::move(model), purpose,
                                   checkpoint_values(checkpoint, config.allow_nonfinite), team,
                                   adapters);
}

std::unique_ptr<Policy> Policy::initialize(const PolicyConfig& config,
                                           const nlohmann::json& model_config, uint64_t seed,
                                           ThreadTeam& team) {
  const std::string where = "model.config";
  auto model = parse_model_config(model_config, where);
  const double range =
      ConfigFields(model_config, where).real_or("initializer_range", 0.02, 0.0, 1e3);
  return std::make_unique<Decoder>(config, std::move(model), Purpose::training,
                                   fresh_values(range, seed), team);
}

}  // namespace gradus::policy
