#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "service/models/model_host.h"
#include "service/tinker/checkpoint_store.h"
#include "service/tinker/promise_desk.h"
#include "service/tinker/tinker_config.h"
#include "service/tinker/training_store.h"
#include "service/tinker/work_queue.h"
#include "service/training/adapter_training.h"

namespace gradus::service {

/// Does the requests of training models: each model's own strictly in the order of their numbers,
/// those of several models side by side.
///
///   accept (row) ─▶ wake ─▶ [ next number? ─▶ run ─▶ result, number and state in one commit ] ─▶
///   promise told
///
/// A model's adapters are in memory while it is asked for something, else in a folder. Requests
/// behind that folder are done again when it is read, with the same bits. Any thread.
class TrainingDesk {
 public:
  struct Parts {
    Store& store;
    TrainingStore& models;
    CheckpointStore& checkpoints;
    ModelHost& host;
    PromiseDesk& promises;
  };
  /// @param states  the folder for states of models.
  TrainingDesk(Parts parts, const TinkerConfig& config, std::filesystem::path states);
  ~TrainingDesk();

  /// Goes on with what waits.
  void start();
  /// Ends what runs; the rest waits for the next start.
  void stop();
  /// A request of the model came, or it was closed.
  void wake(const std::string& model);
  /// Writes down and lets go of models that nobody asked for a while; tries again what failed for
  /// want of disk.
  void tidy();

 private:
  struct Resident;
  /// One model's place: at most one worker has it.
  struct Seat {
    bool is_queued = false;
    bool is_busy = false;
    bool is_wanted = false;  ///< woken while it was busy
    double last_use_s = 0.0;
    std::shared_ptr<Resident> resident;
  };

  void serve(const std::string& id, bool tidies);
  bool serve_next(const std::string& id, std::shared_ptr<Resident>& resident);
  void do_request(const TrainingModel& model, const Promise& promise,
                  std::shared_ptr<Resident>& resident);
  std::shared_ptr<Resident> bring(const TrainingModel& model);
  void replay(const TrainingModel& model, Resident& resident);
  std::string write_state(const Resident& resident) const;
  void drop_state(const std::string& folder) const;
  void let_go(const std::string& id, std::shared_ptr<Resident>& resident);
  void release(const std::string& id, const std::string& state);
  void post(const std::string& id, bool tidies);
  void count_memory();

  Parts parts_;
  TinkerConfig config_;
  std::filesystem::path states_;
  std::mutex mutex_;
  std::map<std::string, Seat> seats_;
  std::set<std::string> to_retry_;
  WorkQueue workers_;
};

}  // namespace gradus::service
