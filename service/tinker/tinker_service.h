#pragma once

#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

#include "service/models/model_host.h"
#include "service/tinker/checkpoint_store.h"
#include "service/tinker/file_links.h"
#include "service/tinker/promise_desk.h"
#include "service/tinker/promise_store.h"
#include "service/tinker/sampling_desk.h"
#include "service/tinker/session_store.h"
#include "service/tinker/tinker_config.h"
#include "service/tinker/training_desk.h"
#include "service/tinker/training_store.h"

namespace gradus::service {

/// Training that clients drive step by step, as Tinker's protocol has it: sessions, models in
/// training, samplers, checkpoints, and promises of results.
///
///   session ─┬─▶ training model ─▶ requests in order ─▶ TrainingDesk ─┐
///            └─▶ sampling session ─▶ requests ─────────▶ SamplingDesk ─┴─▶ promises ─▶ PromiseDesk
///
/// All of it are rows and folders (DIR/tinker), so that a server that was killed goes on with the
/// same bits. Any thread.
class TinkerService {
 public:
  /// @param folder  DIR/tinker.
  TinkerService(Store& store, ModelHost& host, const TinkerConfig& config,
                const std::filesystem::path& folder);
  ~TinkerService();

  void start();
  /// Tells who waits to try again, ends what runs and leaves the rest for the next start.
  void stop();

  const TinkerConfig& config() const { return config_; }
  SessionStore& sessions() { return sessions_; }
  TrainingStore& models() { return models_; }
  CheckpointStore& checkpoints() { return checkpoints_; }
  PromiseStore& promises() { return promises_; }
  PromiseDesk& desk() { return desk_; }
  const FileLinks& links() const { return links_; }
  TrainingDesk& training() { return training_; }
  SamplingDesk& sampling() { return sampling_; }

  /// The session takes no more work; what it has in hand is done, then its models are let go.
  void finish_session(const std::string& session, const std::string& reason,
                      const std::string& detail);
  void close_model(const std::string& model);

  /// DIR/tinker/checkpoints, for the models that are made of them.
  static std::filesystem::path checkpoints_folder(const std::filesystem::path& folder) {
    return folder / "checkpoints";
  }

 private:
  void tidy();
  void tidy_in_time();

  Store& store_;
  TinkerConfig config_;
  SessionStore sessions_;
  TrainingStore models_;
  CheckpointStore checkpoints_;
  PromiseStore promises_;
  PromiseDesk desk_;
  FileLinks links_;
  TrainingDesk training_;
  SamplingDesk sampling_;
  std::mutex mutex_;
  std::condition_variable news_;
  bool is_stopping_ = false;
  std::thread tidier_;
};

}  // namespace gradus::service
