#include "rl/update/reference_policy.h"

#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "rl/run/run_directory.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

// An older checkpoint may still be resumed from; references before the oldest are done with.
void drop_old(const fs::path& folder, int64_t oldest_checkpoint, int64_t every) {
  for (const auto& entry : fs::directory_iterator(folder)) {
    const int64_t step = step_of_name(entry.path().filename().string());
    if (step >= 0 && step + every <= oldest_checkpoint) fs::remove_all(entry.path());
  }
}

}  // namespace

ReferencePolicy::ReferencePolicy(fs::path folder, ModelSettings model,
                                 const AlgorithmConfig& config,
                                 const std::vector<at::Tensor>& starting_adapters)
    : folder_(std::move(folder)),
      model_(std::move(model)),
      starting_adapters_(starting_adapters),
      is_used_(config.kl_coef != 0.0),
      is_base_(config.reference == ReferenceKind::base),
      every_(config.reference_update_every) {}

Reference ReferencePolicy::at(int64_t step, const policy::Policy& policy, int64_t oldest_checkpoint,
                              ThreadTeam& team) {
  if (!is_used_) return nullptr;
  const int64_t wanted = every_ > 0 ? (step - 1) / every_ * every_ : 0;
  if (wanted == 0 && !is_base_ && !starting_adapters_.empty()) return Reference(starting_adapters_);
  if (wanted == step_) return policy_.get();
  policy_.reset();
  const bool is_checkpoint = wanted == 0 && !model_.is_fresh();
  if (is_checkpoint) {
    load_base(team);
  } else {
    load_saved(wanted, policy, team);
    drop_old(folder_, std::min(oldest_checkpoint, wanted), every_);
  }
  step_ = wanted;
  return policy_.get();
}

void ReferencePolicy::load_base(ThreadTeam& team) {
  if (model_.lora.rank == 0)
    policy_ = policy::Policy::load(model_, policy::Purpose::inference, team);
}

void ReferencePolicy::load_saved(int64_t step, const policy::Policy& policy, ThreadTeam& team) {
  const fs::path saved = folder_ / step_name(step);
  // Absent: the policy stands at that very step, be it the first time or after a kill.
  if (!fs::exists(saved)) {
    fs::create_directories(folder_);
    publish_folder(saved, [&](const fs::path& target) { policy.save(target); });
  }
  policy::PolicyConfig config = model_;
  config.path = saved.string();
  config.lora = {};
  policy_ = policy::Policy::load(config, policy::Purpose::inference, team);
}

void with_parameters(policy::Policy& policy, const std::vector<at::Tensor>& values,
                     ThreadTeam& team, const std::function<void()>& work) {
  const at::NoGradGuard no_grad;
  auto& parameters = policy.parameters();
  std::vector<at::Tensor> own;
  for (const auto& parameter : parameters) own.push_back(parameter.value.detach().clone());
  const auto put = [&](const std::vector<at::Tensor>& source) {
    for (size_t i = 0; i < parameters.size(); ++i) parameters[i].value.copy_(source[i]);
    policy.publish_weights(team);
  };
  put(values);
  try {
    work();
  } catch (...) {
    put(own);
    throw;
  }
  put(own);
}

}  // namespace gradus::rl
