#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "service/models/loaded_model.h"
#include "service/store/store.h"

namespace gradus::service {

/// A model that a project may use.
struct ModelEntry {
  std::string name;
  std::string path;  ///< a checkpoint on this machine
  int64_t created = 0;
  std::string owner;  ///< as OpenAI's owned_by: "gradus", or the project
  std::string job;    ///< that made it; empty: a base model
  bool is_base() const { return job.empty(); }
};

/// The models of the server by name: base models of its settings, and what its jobs made,
/// checkpoints included. Loads them when they are asked for, and unloads the one that was used
/// least recently where memory is short. Any thread.
class ModelHost {
 public:
  ModelHost(Store& store, ModelsConfig config);

  /// @throws ArgumentError  the name is taken or holds odd characters.
  void add_base(const std::string& name, const std::string& path, int64_t created);

  /// Nothing: there is none of that name, or it is another project's.
  std::optional<ModelEntry> find(const std::string& name, const std::string& project) const;
  /// Base models first, then the project's, newest first; checkpoints included.
  std::vector<ModelEntry> list(const std::string& project) const;

  /// Loads where need be and keeps it in memory as long as the pointer lives.
  /// @throws HttpError  404 model_not_found; 503: it cannot be loaded.
  std::shared_ptr<LoadedModel> use(const std::string& name, const std::string& project);
  /// Forgets a model that is gone; requests that use it go on.
  void forget(const std::string& name);
  bool is_in_use(const std::string& name) const;

  struct Status {
    std::string name;
    LoadedModel::Load load;
    int64_t bytes = 0;
  };
  std::vector<Status> loaded() const;

 private:
  struct Slot {
    std::shared_ptr<LoadedModel> model;
    bool is_loading = false;
    uint64_t last_use = 0;
  };

  std::shared_ptr<LoadedModel> load(const ModelEntry& entry);
  void make_room(int64_t bytes);

  Store& store_;
  ModelsConfig config_;
  std::map<std::string, ModelEntry> bases_;
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  std::map<std::string, Slot> slots_;
  uint64_t num_uses_ = 0;
};

/// Writes the bundled base, a complete checkpoint, to a folder unless it is there.
/// @throws FileError
void write_bundled_base(const std::filesystem::path& folder);

}  // namespace gradus::service
