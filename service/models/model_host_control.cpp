// How another program that trains steers the models it samples from: pauses, sleep, new weights.
#include <algorithm>
#include <utility>

#include "base/failure_text.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/model_config.h"
#include "service/http/message.h"
#include "service/models/model_host.h"

namespace gradus::service {
namespace {

HttpError refused_weights(const std::string& why) {
  return {400, "Invalid 'path': " + why, "invalid_value", "path"};
}

policy::ModelConfig config_in(const std::string& path) {
  return policy::load_model_config(*policy::open_checkpoint(path));
}

/// Sizes that clients and the engine rely on.
bool is_same_architecture(const policy::ModelConfig& a, const policy::ModelConfig& b) {
  return a.vocab_size == b.vocab_size && a.hidden_size == b.hidden_size &&
         a.num_layers == b.num_layers;
}

}  // namespace

std::optional<ModelEntry> ModelHost::find_base(const std::string& name) const {
  const std::lock_guard lock(bases_mutex_);
  const auto base = bases_.find(name);
  if (base == bases_.end()) return std::nullopt;
  return base->second;
}

/// With the mutex held.
void ModelHost::check_is_open() const {
  if (is_asleep_) throw HttpError(503, "The server's models are asleep.", "asleep");
  if (pause_ == PauseMode::abort || pause_ == PauseMode::wait)
    throw HttpError(503, "Sampling is paused.", "paused");
}

void ModelHost::pause(PauseMode mode) {
  const std::lock_guard lock(mutex_);
  pause_ = mode;
  for (auto& [key, slot] : slots_) {
    if (!slot.model) continue;
    slot.model->hold(mode == PauseMode::keep);
    if (mode == PauseMode::abort) slot.model->abort_all();
  }
}

PauseMode ModelHost::paused() const {
  const std::lock_guard lock(mutex_);
  return pause_;
}

bool ModelHost::is_sampling() const {
  return std::ranges::any_of(loaded(), [](const Status& status) {
    return status.load.running > 0 || status.load.waiting > 0;
  });
}

void ModelHost::sleep() {
  std::vector<std::shared_ptr<LoadedModel>> dropped;  // gone when the mutex is free again
  {
    const std::lock_guard lock(mutex_);
    is_asleep_ = true;
    for (auto slot = slots_.begin(); slot != slots_.end();) {
      if (slot->second.is_loading) {
        ++slot;
        continue;
      }
      dropped.push_back(std::move(slot->second.model));
      slot = slots_.erase(slot);
    }
  }
  dropped.clear();
  while (shared_.drop_idle()) {
  }
}

void ModelHost::wake() {
  const std::lock_guard lock(mutex_);
  is_asleep_ = false;
}

bool ModelHost::is_asleep() const {
  const std::lock_guard lock(mutex_);
  return is_asleep_;
}

int64_t ModelHost::update_weights(const std::string& model, const std::string& path) {
  const auto base = find_base(model);
  if (!base)
    throw HttpError(404, "The model `" + model + "` is no base model of this server.",
                    "model_not_found", "model");
  const bool is_trained_on = store_.read([&](Database& database) {
    return database
        .first("SELECT 1 FROM training_models WHERE base=? AND closed IS NULL LIMIT 1", {model})
        .has_value();
  });
  if (is_trained_on)
    throw HttpError(400, "Adapters are trained on `" + model + "`; unload them first.",
                    "model_in_use", "model");
  std::shared_ptr<LoadedModel> loaded;
  try {
    if (!is_same_architecture(config_in(base->path), config_in(path)))
      throw refused_weights(path + " has another architecture than " + base->path + ".");
    {
      const std::lock_guard lock(mutex_);
      make_room(bytes_on_disk(path));
    }
    loaded = std::make_shared<LoadedModel>(model, path, config_);
  } catch (const HttpError&) {
    throw;
  } catch (const std::exception& error) {  // whatever a checkpoint can be
    throw refused_weights(failure_text(error));
  }
  int64_t version = 0;
  {
    const std::lock_guard lock(bases_mutex_);
    bases_[model].path = path;
    version = ++versions_[model];
  }
  std::shared_ptr<LoadedModel> before;  // gone when the mutex is free again
  {
    const std::lock_guard lock(mutex_);
    loaded->hold(pause_ == PauseMode::keep);
    Slot& slot = slots_[model];
    slot.name = model;
    before = std::exchange(slot.model, is_asleep_ ? nullptr : loaded);
    if (is_asleep_) slots_.erase(model);
  }
  return version;
}

std::vector<BaseWeights> ModelHost::weights() const {
  const std::lock_guard lock(bases_mutex_);
  std::vector<BaseWeights> all;
  for (const auto& [name, entry] : bases_) {
    const auto version = versions_.find(name);
    all.push_back({name, entry.path, version == versions_.end() ? 0 : version->second});
  }
  return all;
}

}  // namespace gradus::service
