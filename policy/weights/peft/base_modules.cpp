#include "policy/weights/peft/base_modules.h"

#include <algorithm>

#include "policy/formats/families/family.h"
#include "policy/formats/tensor_names.h"

namespace gradus::policy {
namespace {

// Mixtral's name in checkpoints and in transformers 4, and in transformers 5.
constexpr std::string_view kOldMixture = ".block_sparse_moe.";
constexpr std::string_view kNewMixture = ".mlp.";

std::string replaced(std::string name, std::string_view from, std::string_view to) {
  const size_t at = name.find(from);
  if (at != std::string::npos) name.replace(at, from.size(), to);
  return name;
}

}  // namespace

BaseModules::BaseModules(const ModelConfig& model) : model_(model) {
  for (TensorSpec& spec : expected_tensors(model)) {
    if (spec.layer >= model.num_layers) continue;
    index_.emplace(spec.name, tensors_.size());
    tensors_.push_back(std::move(spec));
  }
  for (const TensorSpec& spec : tensors_) {
    if (spec.expert >= 0) stack(spec);
  }
}

void BaseModules::stack(const TensorSpec& spec) {
  const std::string name = replaced(spec.name, kOldMixture, kNewMixture);
  constexpr std::string_view kExperts = ".experts.";
  ExpertStack& stack = experts_[name.substr(0, name.find(kExperts) + kExperts.size() - 1)];
  if (stack.parameters.empty()) {
    stack.parameters.resize(2);
    stack.parameters[0].name = "gate_up_proj";
    stack.parameters[1].name = "down_proj";
  }
  stack.count = std::max(stack.count, spec.expert + 1);
  const bool is_down = spec.role == TensorRole::expert_down;
  ExpertParameter& parameter = stack.parameters[is_down ? 1 : 0];
  parameter.out = is_down ? spec.shape[0] : 2 * spec.shape[0];
  parameter.in = spec.shape[1];
  const int64_t first = spec.role == TensorRole::expert_up ? spec.shape[0] : 0;
  parameter.parts.push_back({spec.name, spec.expert, first});
}

std::string BaseModules::known_name(const std::string& name) const {
  const bool is_old = family_of(model_).stem(TensorRole::router).starts_with("block_sparse_moe");
  return is_old && index_.count(name) == 0 ? replaced(name, kNewMixture, kOldMixture) : name;
}

const TensorSpec* BaseModules::find(const std::string& tensor) const {
  const auto found = index_.find(known_name(tensor));
  return found == index_.end() ? nullptr : &tensors_[found->second];
}

const ExpertStack* BaseModules::experts(const std::string& module) const {
  const auto found = experts_.find(replaced(module, kOldMixture, kNewMixture));
  return found == experts_.end() ? nullptr : &found->second;
}

bool BaseModules::is_vocabulary(const std::string& module) const {
  return module + ".weight" == tensor_name(model_, TensorRole::embedding) ||
         module + ".weight" == tensor_name(model_, TensorRole::head);
}

const char* BaseModules::bias_flag(TensorRole role) const {
  const Family& family = family_of(model_);
  const bool is_attention = role == TensorRole::query || role == TensorRole::key ||
                            role == TensorRole::value || role == TensorRole::attention_output;
  const bool is_mlp =
      role == TensorRole::gate || role == TensorRole::up || role == TensorRole::down;
  if (is_attention) return family.attention_bias_flag;
  return is_mlp ? family.mlp_bias_flag : nullptr;
}

}  // namespace gradus::policy
