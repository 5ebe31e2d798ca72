#include "service/models/model_host.h"

#include <algorithm>

#include "base/error.h"
#include "base/failure_text.h"
#include "base/process/free_memory.h"
#include "policy/formats/checkpoint_source.h"
#include "policy/formats/model_config.h"
#include "service/http/message.h"
#include "service/models/trained_path.h"

namespace gradus::service {
namespace {

HttpError no_such_model(const std::string& name) {
  return {404, "The model `" + name + "` does not exist or you do not have access to it.",
          "model_not_found", "model"};
}

ModelEntry entry_of(const SqlRow& row) {
  ModelEntry entry;
  entry.name = row.text(0);
  entry.path = row.text(1);
  entry.created = row.integer(2);
  entry.owner = row.text(3);
  entry.job = row.text(4);
  return entry;
}

constexpr const char* kTrainedColumns =
    "SELECT c.id, c.created, c.project, m.base, m.rank, m.has_attention, m.has_mlp, c.model, "
    "c.kind, c.name, m.alpha, m.has_head FROM training_checkpoints c JOIN training_models m ON "
    "m.id=c.model ";

constexpr const char* kModelColumns = "SELECT name, path, created, project, job FROM models ";

ModelEntry trained_entry(const SqlRow& row, const std::filesystem::path& folder) {
  ModelEntry entry;
  entry.name = TrainedPath{row.text(7), row.text(8), row.text(9)}.text();
  entry.path = (folder / row.text(0)).string();
  entry.created = row.integer(1);
  entry.owner = row.text(2);
  entry.base = row.text(3);
  entry.shape = {static_cast<int>(row.integer(4)), row.integer(5) != 0, row.integer(6) != 0,
                 row.integer(11) != 0, row.number(10)};
  return entry;
}

HttpError cannot_load(const std::string& name) {
  return {503, "The model `" + name + "` cannot be loaded.", "model_not_ready", "model"};
}

}  // namespace

int64_t bytes_on_disk(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return static_cast<int64_t>(fs::file_size(path));
  int64_t bytes = 0;
  for (const auto& entry : fs::directory_iterator(path)) {
    const auto suffix = entry.path().extension();
    if (suffix == ".safetensors" || suffix == ".gguf")
      bytes += static_cast<int64_t>(entry.file_size());
  }
  return bytes;
}

void describe(ModelsConfig& c, SettingFields& field) {
  field("memory_mb", c.memory_mb, at_least(0.0),
        "memory of all models together; 0: half of the machine's");
  field("kv_cache_mb", c.kv_cache_mb, positive(), "of each model, for keys and values");
  field("max_sequences", c.max_sequences, at_least(1), "completions that decode together");
  field("threads", c.threads, at_least(0), "compute threads of each model; 0: all cores");
  field("precision", c.precision, any(), "float32 or bfloat16");
  field("adapter_alpha", c.adapter_alpha, at_least(0.0),
        "products of adapters in training are scaled by this over their rank; 0: 32, and 2 on the "
        "bundled base");
  field("adapters", c.adapters, at_least(1),
        "sets of adapters that stay ready to sample; others are read again when they are asked");
}

ModelHost::ModelHost(Store& store, ModelsConfig config, std::filesystem::path checkpoints)
    : store_(store),
      config_(std::move(config)),
      checkpoints_(std::move(checkpoints)),
      shared_(config_) {}

void ModelHost::add_base(const std::string& name, const std::string& path, int64_t created,
                         double adapter_alpha) {
  const bool is_plain =
      !name.empty() && name.size() <= 200 && std::ranges::all_of(name, [](unsigned char c) {
        return c > 0x20 && c < 0x7F && c != '"' && c != '\\' && c != '%' && c != '?' && c != '#';
      });
  if (!is_plain || name.starts_with("ft:"))
    throw ArgumentError("--model: " + name + ": is no name for a model; try letters and digits");
  ModelEntry entry;
  entry.name = name;
  entry.path = path;
  entry.created = created;
  entry.owner = "gradus";
  entry.adapter_alpha = config_.adapter_alpha > 0 ? config_.adapter_alpha : adapter_alpha;
  const std::lock_guard lock(bases_mutex_);
  if (!bases_.emplace(name, entry).second)
    throw ArgumentError("--model: " + name + ": is given twice");
}

std::optional<ModelEntry> ModelHost::find(const std::string& name,
                                          const std::string& project) const {
  if (auto base = find_base(name)) return base;
  if (const auto trained = trained_path(name)) {
    const auto row = store_.read([&](Database& database) {
      return database.first(std::string(kTrainedColumns) +
                                "WHERE c.model=? AND c.kind=? AND c.name=? AND "
                                "(c.project=? OR c.is_public=1)",
                            {trained->model, trained->kind, trained->name, project});
    });
    if (!row) return std::nullopt;
    return trained_entry(*row, checkpoints_);
  }
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kModelColumns) +
                              "WHERE name=? AND (project=? OR EXISTS(SELECT 1 FROM permissions p "
                              "WHERE p.model=models.name AND p.project=?))",
                          {name, project, project});
  });
  if (!row) return std::nullopt;
  return entry_of(*row);
}

std::vector<ModelEntry> ModelHost::list(const std::string& project) const {
  std::vector<ModelEntry> entries;
  {
    const std::lock_guard lock(bases_mutex_);
    for (const auto& [name, entry] : bases_) entries.push_back(entry);
  }
  const auto rows = store_.read([&](Database& database) {
    return database.query(std::string(kModelColumns) +
                              "WHERE project=? OR EXISTS(SELECT 1 FROM permissions p WHERE "
                              "p.model=models.name AND p.project=?) ORDER BY seq DESC",
                          {project, project});
  });
  for (const auto& row : rows) entries.push_back(entry_of(row));
  return entries;
}

std::optional<ModelEntry> ModelHost::find_checkpoint(const std::string& id) const {
  const auto row = store_.read([&](Database& database) {
    return database.first(std::string(kTrainedColumns) + "WHERE c.id=?", {id});
  });
  if (!row) return std::nullopt;
  return trained_entry(*row, checkpoints_);
}

ModelFacts ModelHost::facts(const ModelEntry& entry) {
  if (!entry.base.empty()) {
    const auto base = find(entry.base, entry.owner);
    if (!base) throw no_such_model(entry.base);
    return facts(*base);
  }
  {
    const std::lock_guard lock(mutex_);
    const auto known = facts_.find(entry.path);
    if (known != facts_.end()) return known->second;
  }
  ModelFacts facts;
  try {
    const auto config = policy::load_model_config(*policy::open_checkpoint(entry.path));
    facts = {config.vocab_size, config.max_position_embeddings, !config.tie_word_embeddings};
  } catch (const std::exception&) {
    throw cannot_load(entry.name);
  }
  const std::lock_guard lock(mutex_);
  return facts_[entry.path] = facts;
}

std::shared_ptr<SharedPolicy> ModelHost::share(const ModelEntry& base, const AdapterShape& shape) {
  {
    const std::lock_guard lock(bases_mutex_);
    if (versions_.contains(base.name))
      throw HttpError(400,
                      "The weights of `" + base.name +
                          "` were replaced by update_weights; adapters stand on those that the "
                          "server was started with.",
                      "weights_replaced", "model");
  }
  {
    const std::lock_guard lock(mutex_);
    make_room(shared_.holds(base.path, shape) ? 0 : bytes_on_disk(base.path));
  }
  try {
    return shared_.use(base.path, shape);
  } catch (const std::exception&) {
    throw cannot_load(base.name);
  }
}

std::shared_ptr<LoadedModel> ModelHost::use(const std::string& name, const std::string& project) {
  const auto entry = find(name, project);
  if (!entry) throw no_such_model(name);
  return use(*entry);
}

std::shared_ptr<LoadedModel> ModelHost::use(const ModelEntry& entry) {
  const std::string key = entry.slot();
  std::unique_lock lock(mutex_);
  check_is_open();
  for (;;) {
    Slot& slot = slots_[key];
    slot.name = entry.name;
    slot.is_adapter = !entry.base.empty();
    slot.last_use = ++num_uses_;
    if (slot.model) return slot.model;
    if (!slot.is_loading) break;
    loaded_.wait(lock);
  }
  slots_[key].is_loading = true;
  if (entry.base.empty()) make_room(bytes_on_disk(entry.path));
  lock.unlock();
  std::shared_ptr<LoadedModel> model;
  std::string fault;
  try {
    model = load(entry);
  } catch (const std::exception& error) {
    fault = failure_text(error);
  }
  lock.lock();
  slots_[key].is_loading = false;
  slots_[key].model = model;
  if (!model) slots_.erase(key);
  if (model) model->hold(pause_ == PauseMode::keep);
  drop_old_adapters();
  loaded_.notify_all();
  if (!model) throw cannot_load(entry.name);
  return model;
}

std::shared_ptr<LoadedModel> ModelHost::load(const ModelEntry& entry) {
  if (entry.base.empty()) return std::make_shared<LoadedModel>(entry.name, entry.path, config_);
  const auto base = find(entry.base, entry.owner);
  if (!base) throw no_such_model(entry.base);
  const auto shared = share(*base, entry.shape);
  return std::make_shared<LoadedModel>(entry.name, shared, shared->read(entry.path), config_);
}

int64_t ModelHost::budget_bytes() const {
  if (config_.memory_mb > 0) return static_cast<int64_t>(config_.memory_mb * (1 << 20));
  return gradus::memory_bytes() / 2;
}

/// With the mutex held: unloads what nobody uses, the least recently used first.
void ModelHost::make_room(int64_t bytes) {
  const int64_t budget = budget_bytes();
  for (;;) {
    int64_t held = bytes + static_cast<int64_t>(config_.kv_cache_mb * (1 << 20)) +
                   shared_.memory_bytes() + other_bytes_;
    auto oldest = slots_.end();
    for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
      if (!slot->second.model) continue;
      held += slot->second.model->memory_bytes();
      const bool is_idle = slot->second.model.use_count() == 1;
      if (is_idle && (oldest == slots_.end() || slot->second.last_use < oldest->second.last_use))
        oldest = slot;
    }
    if (held <= budget) return;
    if (oldest != slots_.end()) {
      slots_.erase(oldest);
    } else if (!shared_.drop_idle()) {
      return;
    }
  }
}

/// With the mutex held: adapters cost little to read again, a cache and a thread each to keep.
void ModelHost::drop_old_adapters() {
  for (;;) {
    int count = 0;
    auto oldest = slots_.end();
    for (auto slot = slots_.begin(); slot != slots_.end(); ++slot) {
      if (!slot->second.is_adapter || !slot->second.model) continue;
      ++count;
      const bool is_idle = slot->second.model.use_count() == 1;
      if (is_idle && (oldest == slots_.end() || slot->second.last_use < oldest->second.last_use))
        oldest = slot;
    }
    if (count <= config_.adapters || oldest == slots_.end()) return;
    slots_.erase(oldest);
  }
}

void ModelHost::forget(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(name);
  if (slot != slots_.end() && !slot->second.is_loading) slots_.erase(slot);
}

bool ModelHost::is_in_use(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto slot = slots_.find(name);
  return slot != slots_.end() && slot->second.model && slot->second.model.use_count() > 1;
}

std::vector<ModelHost::Status> ModelHost::loaded() const {
  const std::lock_guard lock(mutex_);
  std::vector<Status> all;
  for (const auto& [key, slot] : slots_) {
    if (slot.model) all.push_back({slot.name, slot.model->load(), slot.model->memory_bytes()});
  }
  return all;
}

}  // namespace gradus::service
