#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "service/models/shared_policy.h"
#include "service/models/trained_path.h"
#include "service/tinker/session_store.h"

namespace gradus::service {

/// Weights that a training session saved, in a folder in PEFT's format. Names belong to rows; the
/// folder is called by the id.
struct TrainedCheckpoint {
  std::string id;  ///< "ckpt-..."
  std::string project;
  std::string model;  ///< the training model that saved it
  std::string kind;   ///< weights (training goes on from them), sampler_weights, external_weights
  std::string name;   ///< begins with a dot where no client named it: then it is not listed
  int64_t created = 0;
  int64_t bytes = 0;
  int64_t expires = 0;  ///< 0: never
  bool is_public = false;
  nlohmann::json metadata;
  std::string base;    ///< of the model
  AdapterShape shape;  ///< of the model

  std::string path() const { return TrainedPath{model, kind, name}.text(); }
};

/// @throws HttpError 400: it is no path of what a training session saved.
TrainedPath parse_trained_path(const std::string& text);

/// A name that a client may give: 1 to 128 letters, digits, "_", "-", ".", no dot first; nothing
/// that a path could be made of. @throws RequestError
void check_checkpoint_name(const std::string& name);

/// Rows and folders of checkpoints. A folder is complete before its row is written, and its row is
/// gone before it is removed. Any thread.
class CheckpointStore {
 public:
  CheckpointStore(Store& store, std::filesystem::path folder);

  std::filesystem::path folder_of(const std::string& id) const { return folder_ / id; }

  /// Within a write: names a folder that was filled. One of the same name that is there already
  /// loses it where `overwrites`, and goes once nobody samples with it.
  /// @throws RequestError  the name is taken.
  void insert(Database& database, const TrainedCheckpoint& checkpoint, bool overwrites);
  /// The project's own or a published one, of the same server.
  std::optional<TrainedCheckpoint> find(const TrainedPath& path, const std::string& project) const;
  /// Named ones, newest first; `model` empty: of all models of the project.
  struct Page {
    std::vector<TrainedCheckpoint> checkpoints;
    int64_t total = 0;
  };
  Page list(const std::string& project, const std::string& model, const ListWish& wish) const;
  /// The newest named one of a kind.
  std::optional<TrainedCheckpoint> newest(const std::string& model, const std::string& kind) const;

  void set_expiry(const std::string& id, int64_t expires);
  void publish(const std::string& id, bool is_public);
  /// Takes its name away; the files go once nobody samples with it.
  void remove(const std::string& id);
  /// Removes what has expired, and files without a name that no open session samples with.
  void sweep();
  /// Removes folders that no row knows: a kill cut their making or their removal off.
  void remove_strays() const;

 private:
  Store& store_;
  std::filesystem::path folder_;
};

}  // namespace gradus::service
