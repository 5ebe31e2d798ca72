#include "service/tinker/tinker_service.h"

#include <algorithm>
#include <chrono>
#include <exception>

namespace gradus::service {
namespace {

constexpr double kTidy_s = 5.0;

}  // namespace

TinkerService::TinkerService(Store& store, ModelHost& host, const TinkerConfig& config,
                             const std::filesystem::path& folder)
    : store_(store),
      config_(config),
      sessions_(store),
      models_(store),
      checkpoints_(store, checkpoints_folder(folder)),
      promises_(store),
      desk_(config.poll_s),
      training_({store, models_, checkpoints_, host, desk_}, config, folder / "states"),
      sampling_({store, promises_, sessions_, host, desk_}, config) {}

TinkerService::~TinkerService() {
  stop();
}

void TinkerService::start() {
  sessions_.begin_anew();
  checkpoints_.remove_strays();
  training_.start();
  sampling_.start();
  tidier_ = std::thread([this] { tidy_in_time(); });
}

void TinkerService::stop() {
  {
    const std::lock_guard lock(mutex_);
    is_stopping_ = true;
  }
  news_.notify_all();
  if (tidier_.joinable()) tidier_.join();
  desk_.stop();
  training_.stop();
  sampling_.stop();
}

void TinkerService::finish_session(const std::string& session, const std::string& reason,
                                   const std::string& detail) {
  sessions_.finish(session, reason, detail);
  for (const auto& model : sessions_.model_ids(session)) close_model(model);
}

void TinkerService::close_model(const std::string& model) {
  models_.close(model);
  training_.wake(model);
}

void TinkerService::tidy() {
  const int64_t now = store_.now();
  for (const auto& session : sessions_.finish_silent(now - static_cast<int64_t>(config_.session_s)))
    for (const auto& model : sessions_.model_ids(session)) close_model(model);
  training_.tidy();
  checkpoints_.sweep();
  promises_.drop_old(now - static_cast<int64_t>(config_.keep_s));
}

void TinkerService::tidy_in_time() {
  const auto pause = std::chrono::duration<double>(std::min(kTidy_s, config_.session_s / 2));
  std::unique_lock lock(mutex_);
  while (!news_.wait_for(lock, pause, [&] { return is_stopping_; })) {
    lock.unlock();
    try {
      tidy();
    } catch (const std::exception&) {
      // The edge of a thread: the disk refuses; it is tried again.
    }
    lock.lock();
  }
}

}  // namespace gradus::service
