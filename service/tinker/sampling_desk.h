#pragma once

#include <memory>
#include <string>

#include "service/models/model_host.h"
#include "service/tinker/promise_desk.h"
#include "service/tinker/promise_store.h"
#include "service/tinker/session_store.h"
#include "service/tinker/tinker_config.h"

namespace gradus::service {

/// Answers sampling requests through the engines that chats use. A request is a row before it is
/// given to an engine; a server that was killed asks again, with the same seeds and so with the
/// same answers. Any thread.
class SamplingDesk {
 public:
  struct Parts {
    Store& store;
    PromiseStore& promises;
    SessionStore& sessions;
    ModelHost& host;
    PromiseDesk& desk;
  };
  SamplingDesk(Parts parts, const TinkerConfig& config);
  ~SamplingDesk();

  /// Goes on with what waits.
  void start();
  /// What runs is cancelled and waits for the next start.
  void stop();

  /// Weights that a request samples with: those of a sampling session, or by their own name.
  /// @throws HttpError 400, 404.
  ModelEntry entry_of(const Sampler& sampler) const;
  /// A row that was just made. @param promise  with its body.
  void submit(const Promise& promise);
  /// @return  whether it was running or waiting.
  bool cancel(const std::string& promise);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace gradus::service
