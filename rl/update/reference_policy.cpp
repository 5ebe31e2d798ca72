#include "rl/update/reference_policy.h"

#include <algorithm>

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

const policy::Policy* ReferencePolicy::at(TrainingRun& run, int64_t step) {
  const AlgorithmConfig& config = run.config().rl;
  if (config.kl_coef == 0.0) return nullptr;
  const int64_t every = config.reference_update_every;
  const int64_t wanted = every > 0 ? (step - 1) / every * every : 0;
  if (wanted == step_) return policy_.get();
  policy_.reset();
  const bool is_checkpoint = wanted == 0 && !run.config().model.path.empty();
  if (is_checkpoint)
    load_base(run);
  else
    load_saved(run, wanted);
  step_ = wanted;
  return policy_.get();
}

void ReferencePolicy::load_base(TrainingRun& run) {
  const ModelSettings& model = run.config().model;
  if (model.lora.rank == 0)
    policy_ = policy::Policy::load(model, policy::Purpose::inference, run.team());
}

void ReferencePolicy::load_saved(TrainingRun& run, int64_t step) {
  const fs::path folder = run.directory().path() / "reference";
  const fs::path saved = folder / step_name(step);
  // Absent: the policy stands at that very step, be it the first time or after a kill.
  if (!fs::exists(saved)) {
    fs::create_directories(folder);
    run.directory().publish_folder(saved,
                                   [&](const fs::path& target) { run.policy().save(target); });
  }
  policy::PolicyConfig config = run.config().model;
  config.path = saved.string();
  config.lora = {};
  policy_ = policy::Policy::load(config, policy::Purpose::inference, run.team());
  const auto checkpoints = run.checkpoint_steps();
  drop_old(folder, checkpoints.empty() ? 0 : std::min(checkpoints.front(), step),
           run.config().rl.reference_update_every);
}

}  // namespace gradus::rl
