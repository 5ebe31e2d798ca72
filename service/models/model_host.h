#pragma once

#include <atomic>
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
#include "service/models/shared_policies.h"
#include "service/store/store.h"

namespace gradus::service {

/// What is known of a model without loading it.
struct ModelFacts {
  int64_t vocab_size = 0;
  int64_t context_length = 0;
  bool has_own_head = false;  ///< its head is not its embedding, and may have adapters
};

/// A model that a project may use.
struct ModelEntry {
  std::string name;
  std::string path;  ///< a checkpoint on this machine
  int64_t created = 0;
  std::string owner;        ///< as OpenAI's owned_by: "gradus", or the project
  std::string job;          ///< that made it; empty: a base model
  std::string base = {};    ///< of adapters that a training session saved: the model they stand on
  AdapterShape shape = {};  ///< of those
  double adapter_alpha = kAdapterAlpha;  ///< of adapters that are trained on it
  bool is_base() const { return job.empty() && base.empty(); }
  /// Its place in memory: names of saved adapters may be given anew, their folders never.
  const std::string& slot() const { return base.empty() ? name : path; }
};

/// What a pause does to requests that sample (vLLM's modes).
enum class PauseMode {
  none,   ///< sampling goes on
  abort,  ///< what runs ends with what there is, what comes is refused with 503
  wait,   ///< what runs is finished, what comes is refused with 503
  keep,   ///< what runs stands still, what comes waits
};

/// The weights of a base model that another program trains.
struct BaseWeights {
  std::string model;
  std::string path;
  int64_t version = 0;  ///< 0: those that the server was started with
};

/// The models of the server by name: base models of its settings, what its jobs made, checkpoints
/// included, and adapters that training sessions saved (tinker://MODEL/sampler_weights/NAME). Loads
/// them when they are asked for, and unloads the one that was used least recently where memory is
/// short. Any thread.
class ModelHost {
 public:
  /// @param checkpoints  the folder of the training sessions' checkpoints.
  ModelHost(Store& store, ModelsConfig config, std::filesystem::path checkpoints);

  /// @throws ArgumentError  the name is taken or holds odd characters.
  /// @param adapter_alpha  of adapters on it, unless a setting says otherwise.
  void add_base(const std::string& name, const std::string& path, int64_t created,
                double adapter_alpha = kAdapterAlpha);

  /// Nothing: there is none of that name, or it is another project's.
  std::optional<ModelEntry> find(const std::string& name, const std::string& project) const;
  /// Base models first, then the project's, newest first; checkpoints included.
  std::vector<ModelEntry> list(const std::string& project) const;

  /// Loads where need be and keeps it in memory as long as the pointer lives.
  /// @throws HttpError  404 model_not_found; 503: it cannot be loaded.
  std::shared_ptr<LoadedModel> use(const std::string& name, const std::string& project);
  std::shared_ptr<LoadedModel> use(const ModelEntry& entry);

  /// Adapters by the id of their checkpoint, whatever their name is now.
  std::optional<ModelEntry> find_checkpoint(const std::string& id) const;
  /// @throws HttpError  503: its config cannot be read.
  ModelFacts facts(const ModelEntry& entry);
  /// A base for adapters of a shape, loaded where need be. @throws HttpError  503
  std::shared_ptr<SharedPolicy> share(const ModelEntry& base, const AdapterShape& shape);
  /// Bytes that others hold beside the models: adapters in training. They count in the budget.
  void note_others(int64_t bytes) { other_bytes_ = bytes; }
  /// Memory of all models together.
  int64_t budget_bytes() const;
  /// Forgets a model that is gone; requests that use it go on.
  void forget(const std::string& name);
  bool is_in_use(const std::string& name) const;

  /// Sampling by all models; training goes on. Several pauses: the last one counts.
  void pause(PauseMode mode);
  PauseMode paused() const;
  /// Whether a request is being sampled.
  bool is_sampling() const;
  /// Takes all models out of memory (those of requests when these end), and refuses requests that
  /// sample with 503 until it wakes.
  void sleep();
  void wake();
  bool is_asleep() const;
  /// Puts other weights of the same architecture in place of a base model's, for requests that come
  /// afterwards; they are loaded before anything is changed. Lasts until the server ends.
  /// @return  their version. @throws HttpError  404 model_not_found; 400: adapters are trained on
  ///     the model, or the checkpoint cannot be loaded or is another architecture's.
  int64_t update_weights(const std::string& model, const std::string& path);
  std::vector<BaseWeights> weights() const;

  struct Status {
    std::string name;
    LoadedModel::Load load;
    int64_t bytes = 0;
  };
  std::vector<Status> loaded() const;

 private:
  struct Slot {
    std::string name;
    bool is_adapter = false;
    std::shared_ptr<LoadedModel> model;
    bool is_loading = false;
    uint64_t last_use = 0;
  };

  std::shared_ptr<LoadedModel> load(const ModelEntry& entry);
  void check_is_open() const;
  std::optional<ModelEntry> find_base(const std::string& name) const;
  void make_room(int64_t bytes);
  void drop_old_adapters();

  Store& store_;
  ModelsConfig config_;
  std::filesystem::path checkpoints_;
  mutable std::mutex bases_mutex_;
  std::map<std::string, ModelEntry> bases_;
  std::map<std::string, int64_t> versions_;  ///< of bases whose weights were replaced
  SharedPolicies shared_;
  std::atomic<int64_t> other_bytes_{0};
  std::map<std::string, ModelFacts> facts_;  ///< by path
  mutable std::mutex mutex_;
  std::condition_variable loaded_;
  std::map<std::string, Slot> slots_;
  PauseMode pause_ = PauseMode::none;
  bool is_asleep_ = false;
  uint64_t num_uses_ = 0;
};

/// Bytes of a checkpoint's weights, a file or a folder, about what they take in memory.
int64_t bytes_on_disk(const std::filesystem::path& path);

/// Writes the bundled base, a complete checkpoint, to a folder unless it is there.
/// @throws FileError
void write_bundled_base(const std::filesystem::path& folder);

}  // namespace gradus::service
