#include "rl/update/reference_policy.h"

#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "policy/convert_checkpoint.h"
#include "rl/parallel/share_folder.h"
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

void check_is_same_model(const policy::Policy& reference, const policy::Policy& policy,
                         const std::string& path) {
  const int64_t own = policy.model_config().vocab_size;
  const int64_t other = reference.model_config().vocab_size;
  if (own != other)
    throw ConfigError(fmt::format(
        "rl.reference: {} has {} rows of vocabulary, the policy {}; they do not compare", path,
        other, own));
}

}  // namespace

ReferencePolicy::ReferencePolicy(fs::path folder, ModelSettings model,
                                 const AlgorithmConfig& config,
                                 const std::vector<at::Tensor>& starting_adapters,
                                 Communicator& ranks)
    : folder_(std::move(folder)),
      model_(std::move(model)),
      starting_adapters_(starting_adapters),
      ranks_(ranks),
      is_used_(config.kl_coef != 0.0),
      spec_(parse_reference(config.reference)),
      every_(config.reference_update_every > 0 ? config.reference_update_every : spec_.every) {}

Reference ReferencePolicy::at(int64_t step, const policy::Policy& policy, int64_t oldest_checkpoint,
                              ThreadTeam& team) {
  if (!is_used_) return nullptr;
  const int64_t wanted = every_ > 0 ? (step - 1) / every_ * every_ : 0;
  const bool is_base = spec_.kind == ReferenceSpec::Kind::base;
  const bool is_other = spec_.kind == ReferenceSpec::Kind::checkpoint;
  if (wanted == 0 && !is_base && !is_other && !starting_adapters_.empty())
    return Reference(starting_adapters_);
  if (wanted == step_) return policy_.get();
  policy_.reset();
  if (is_other) {
    load_from(spec_.path, team);
    check_is_same_model(*policy_, policy, spec_.path);
  } else if (wanted == 0 && !model_.is_fresh()) {
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

void ReferencePolicy::load_from(const std::string& checkpoint, ThreadTeam& team) {
  policy::PolicyConfig config = model_;
  config.path = checkpoint;
  config.lora = {};
  policy_ = policy::Policy::load(config, policy::Purpose::inference, team);
}

void ReferencePolicy::load_saved(int64_t step, const policy::Policy& policy, ThreadTeam& team) {
  const fs::path saved = folder_ / step_name(step);
  // Absent: the policy stands at that very step, be it the first time or after a kill.
  if (ranks_.rank() == 0 && !fs::exists(saved)) {
    fs::create_directories(folder_);
    publish_folder(saved, [&](const fs::path& target) { save(step, policy, target); });
  }
  share_folder(ranks_, saved);
  load_from(saved.string(), team);
}

void ReferencePolicy::save(int64_t step, const policy::Policy& policy,
                           const fs::path& target) const {
  if (spec_.kind != ReferenceSpec::Kind::average || step == 0) return policy.save(target);
  const fs::path before = folder_ / step_name(step - every_);
  const bool is_first = step == every_ && !model_.is_fresh();
  const fs::path own = target / "policy";
  policy.save(own);
  policy::average_checkpoints(
      {{is_first ? fs::path(model_.path) : before, spec_.decay}, {own, 1.0 - spec_.decay}},
      target / "average", "f32");
  fs::remove_all(own);
  for (const auto& entry : fs::directory_iterator(target / "average"))
    fs::rename(entry.path(), target / entry.path().filename());
  fs::remove(target / "average");
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
