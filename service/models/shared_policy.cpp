#include "service/models/shared_policy.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "base/error.h"
#include "base/process/usable_cores.h"
#include "policy/formats/adapter_targets.h"
#include "policy/formats/families/family.h"
#include "policy/formats/safetensors/safetensors.h"
#include "policy/policy.h"
#include "policy/weights/fresh_adapter.h"
#include "service/models/loaded_model.h"

namespace gradus::service {
namespace {

policy::PolicyConfig shared_config(const std::string& path, const AdapterShape& shape,
                                   const ModelsConfig& config) {
  policy::PolicyConfig wanted;
  wanted.path = path;
  apply_set(wanted, "precision=" + config.precision);
  wanted.lora.rank = shape.rank;
  wanted.lora.alpha = shape.alpha;
  if (shape.rank > 0) wanted.lora.targets = targets_of(shape);
  return wanted;
}

}  // namespace

std::vector<std::string> targets_of(const AdapterShape& shape) {
  std::vector<std::string> targets;
  for (const auto& target : policy::adapter_targets()) {
    const bool is_mlp = target.find("gate") != std::string::npos || target.starts_with("up") ||
                        target.starts_with("down") || target == "w1" || target == "w2" ||
                        target == "w3";
    if (is_mlp ? shape.has_mlp : shape.has_attention) targets.push_back(target);
  }
  if (shape.has_head)
    for (const policy::Family* family : policy::families()) {
      std::string target(policy::adapter_target(family->stem(policy::TensorRole::head)));
      if (std::ranges::find(targets, target) == targets.end()) targets.push_back(std::move(target));
    }
  return targets;
}

SharedPolicy::SharedPolicy(const std::string& path, const AdapterShape& shape,
                           const ModelsConfig& config)
    : path_(path),
      shape_(shape),
      team_(config.threads > 0 ? config.threads : usable_cores()),
      tokenizer_(policy::load_checkpoint_tokenizer(path)),
      policy_(policy::Policy::load(
          shared_config(path, shape, config),
          shape.rank > 0 ? policy::Purpose::training : policy::Purpose::inference, team_)) {}

SharedPolicy::~SharedPolicy() = default;

policy::Policy& SharedPolicy::policy() const {
  return *policy_;
}

std::shared_ptr<const AdapterValues> SharedPolicy::fresh(uint64_t seed) const {
  auto values = std::make_shared<AdapterValues>();
  for (const auto& parameter : policy_->parameters()) {
    auto value = at::empty(parameter.value.sizes(), at::kFloat);
    policy::fill_fresh_adapter(
        seed, parameter.name, value.size(1),
        {value.mutable_data_ptr<float>(), static_cast<size_t>(value.numel())});
    values->push_back(std::move(value));
  }
  return values;
}

std::shared_ptr<const AdapterValues> SharedPolicy::read(const std::filesystem::path& folder) const {
  const auto file = policy::SafetensorsFile::open(folder / "adapter_model.safetensors");
  auto values = std::make_shared<AdapterValues>();
  for (const auto& parameter : policy_->parameters()) {
    const auto& info = file.info(parameter.name);
    if (info.shape != parameter.value.sizes().vec())
      throw FileError(file.path().string(), "bad_shape",
                      parameter.name + " has another shape than the model's");
    auto value = at::empty(parameter.value.sizes(), at::kFloat);
    file.read_f32(parameter.name,
                  {value.mutable_data_ptr<float>(), static_cast<size_t>(value.numel())});
    values->push_back(std::move(value));
  }
  return values;
}

SharedPolicy::Turn::Turn(SharedPolicy& owner) : owner_(owner) {
  std::unique_lock lock(owner_.mutex_);
  const uint64_t mine = owner_.num_asked_++;
  owner_.next_.wait(lock, [&] { return owner_.num_served_ == mine; });
}

SharedPolicy::Turn::~Turn() {
  {
    const std::lock_guard lock(owner_.mutex_);
    ++owner_.num_served_;
  }
  owner_.next_.notify_all();
}

policy::Policy& SharedPolicy::Turn::policy() const {
  return *owner_.policy_;
}
ThreadTeam& SharedPolicy::Turn::team() const {
  return owner_.team_;
}

void SharedPolicy::Turn::put(const std::shared_ptr<const AdapterValues>& adapters) const {
  if (!adapters || adapters == owner_.current_) return;
  const at::NoGradGuard no_grad;
  auto& parameters = owner_.policy_->parameters();
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].value.copy_((*adapters)[i]);
  owner_.policy_->publish_weights(owner_.team_);
  owner_.current_ = adapters;
}

void SharedPolicy::Turn::forget() const {
  owner_.current_ = nullptr;
}

bool SharedPolicy::Turn::is_awaited() const {
  const std::lock_guard lock(owner_.mutex_);
  return owner_.num_asked_ > owner_.num_served_ + 1;
}

}  // namespace gradus::service
