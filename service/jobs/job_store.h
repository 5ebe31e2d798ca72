#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "service/store/store.h"

namespace gradus::service {

/// A fine-tuning job as the store has it.
struct Job {
  int64_t seq = 0;
  std::string id;  ///< "ftjob-..."
  std::string project;
  std::string key;
  int64_t created = 0;
  int64_t finished = 0;  ///< 0: it has not ended
  std::string status;
  std::string model;  ///< as asked for
  std::string suffix;
  int64_t seed = 0;
  std::string training_file;
  std::string validation_file;
  nlohmann::json method;
  nlohmann::json metadata;
  nlohmann::json integrations;
  nlohmann::json gradus;           ///< settings of the recipe; null: none
  nlohmann::json hyperparameters;  ///< of the old form; {} elsewhere
  std::string fine_tuned_model;
  nlohmann::json error;
  nlohmann::json result_files = nlohmann::json::array();
  std::optional<int64_t> trained_tokens;
  int64_t steps = 0;
  int64_t step = 0;
  int64_t estimated_finish = 0;
  int64_t attempts = 0;

  bool has_ended() const {
    return status == "succeeded" || status == "failed" || status == "cancelled";
  }
};

struct JobEvent {
  std::string id;
  int64_t created = 0;
  std::string level = "info";
  std::string message;
  std::string type = "message";
  nlohmann::json data;
  int64_t step = -1;
  int64_t seq = 0;
};

struct JobCheckpoint {
  std::string id;
  std::string job;
  int64_t created = 0;
  int64_t step = 0;
  std::string model;
  nlohmann::json metrics;
};

/// What a list gives, and whether there is more.
template <class Item>
struct JobPage {
  std::vector<Item> items;
  bool has_more = false;
  bool knows_after = true;
};

/// Jobs and what belongs to them. A change of a job's state and its event are one transaction; a
/// job that has ended never changes its state (a trigger of the schema sees to it).
class JobStore {
 public:
  explicit JobStore(Store& store) : store_(store) {}

  /// With its first events. @return  the job as it is now; where the idempotency key was used
  /// before with the same body, that job. @throws HttpError  it was used with another body; too
  /// many jobs wait.
  Job create(Job job, const std::string& idempotency_key, const std::string& body_hash,
             int64_t max_waiting);
  std::optional<Job> find(const std::string& id, const std::string& project) const;
  std::optional<Job> find_any(const std::string& id) const;
  /// @param metadata  pairs that a job must have; @param without_metadata  jobs that have none.
  JobPage<Job> list(const std::string& project, const std::string& after, int64_t limit,
                    const std::vector<std::pair<std::string, std::string>>& metadata,
                    bool without_metadata) const;
  /// Jobs of a state, the oldest first.
  std::vector<Job> in_state(const std::string& status) const;

  /// From one of the states `from`, or nothing happens. @return whether it did.
  bool change_state(const std::string& id, const std::vector<std::string>& from,
                    const std::string& to, const std::string& message);
  bool fail(const std::string& id, const std::string& code, const std::string& message,
            const std::string& param);
  bool succeed(const std::string& id, const std::string& model, const std::string& model_path,
               const std::vector<std::string>& result_files, int64_t trained_tokens);
  void set_method(const std::string& id, const nlohmann::json& method,
                  const nlohmann::json& hyperparameters, int64_t steps);
  void set_progress(const std::string& id, int64_t step, int64_t estimated_finish,
                    int64_t trained_tokens);
  void set_attempts(const std::string& id, int64_t attempts);

  void add_event(const std::string& job, JobEvent event);
  /// In one transaction. Figures of a step that was reported before, and warnings that were, are
  /// not reported again.
  void add_events(const std::string& job, const std::vector<JobEvent>& events);
  JobPage<JobEvent> events(const std::string& job, const std::string& after, int64_t limit) const;
  /// Events after `seq`, oldest first: for streams.
  std::vector<JobEvent> events_since(const std::string& job, int64_t seq) const;
  std::optional<int64_t> seq_of_event(const std::string& job, const std::string& id) const;
  std::vector<JobEvent> metrics(const std::string& job) const;

  /// A checkpoint with its model, and the event.
  void add_checkpoint(const std::string& job, int64_t step, const std::string& model,
                      const std::string& path, const nlohmann::json& metrics);
  JobPage<JobCheckpoint> checkpoints(const std::string& job, const std::string& after,
                                     int64_t limit) const;
  std::optional<JobCheckpoint> find_checkpoint(const std::string& id_or_model) const;
  /// Checkpoints past the newest `keep`; their rows and models are removed. @return their paths.
  std::vector<std::string> drop_old_checkpoints(const std::string& job, int64_t keep);

  bool is_file_in_use(const std::string& file) const;
  bool is_model_in_use(const std::string& model) const;
  void remove_model(const std::string& model);

 private:
  Store& store_;
};

}  // namespace gradus::service
