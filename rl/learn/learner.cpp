#include "rl/learn/learner.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/files/atomic_file.h"
#include "base/json.h"
#include "policy/checkpoint_tokenizer.h"
#include "rl/learn/score_head.h"

namespace gradus::rl {
namespace {

namespace fs = std::filesystem;

std::unique_ptr<policy::Policy> load_policy(const LearnerSettings& settings, ThreadTeam& team) {
  const ModelSettings& model = settings.model;
  const auto purpose = settings.learns ? policy::Purpose::training : policy::Purpose::inference;
  if (!model.is_fresh()) return policy::Policy::load(model, purpose, team);
  return policy::Policy::initialize(model, read_json(model.config), settings.seed, team);
}

// Rows of the embedding past the tokenizer's ids are padding; ids past its rows cannot be read.
void check_vocabulary(const ModelSettings& settings, const policy::Tokenizer& tokenizer,
                      const policy::ModelConfig& model) {
  if (tokenizer.vocab_size() <= model.vocab_size) return;
  throw ConfigError(fmt::format(
      "{}: the tokenizer has {} ids, the model {} rows (vocab_size); they do not belong together",
      settings.is_fresh() ? "model.tokenizer" : "model.path", tokenizer.vocab_size(),
      model.vocab_size));
}

}  // namespace

int team_size(int threads) {
  return std::max(1, threads > 0 ? threads : static_cast<int>(std::thread::hardware_concurrency()));
}

Learner::Learner(const LearnerSettings& settings, const Clock& clock,
                 std::shared_ptr<Communicator> communicator)
    : model_(settings.model),
      clock_(clock),
      communicator_(std::move(communicator)),
      cluster_(settings.cluster),
      team_(team_size(settings.threads)),
      tokenizer_(
          policy::load_checkpoint_tokenizer(model_.is_fresh() ? model_.tokenizer : model_.path)),
      policy_(load_policy(settings, team_)) {
  check_vocabulary(model_, *tokenizer_.tokenizer, policy_->model_config());
  if (settings.has_score_head) add_score_head(*policy_, model_, settings.seed);
  if (!settings.learns) return;
  optimizer_ = std::make_unique<Optimizer>(*policy_, settings.optim,
                                           cluster_.zero > 0 ? communicator_.get() : nullptr);
  keeper_ = std::make_unique<WeightKeeper>(*policy_, *optimizer_, communicator_->size() == 1);
  if (model_.lora.rank > 0 && !model_.lora.path.empty())
    for (const auto& parameter : policy_->parameters())
      starting_adapters_.push_back(parameter.value.detach().clone());
}

int Learner::max_context() const {
  return static_cast<int>(policy_->model_config().max_position_embeddings);
}

void Learner::save_model(const fs::path& folder) const {
  policy_->save(folder);
  if (model_.lora.rank > 0) policy_->save_adapters(folder / "adapter");
  // A fresh model's policy knows no tokenizer files; a loaded one's are written by save.
  for (const auto& file : tokenizer_.tokenizer->source_files())
    if (!fs::exists(folder / file.name)) write_file_atomically(folder / file.name, file.contents);
}

}  // namespace gradus::rl
