#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>

#include "rewards/outbound/http_client.h"
#include "service/store/store.h"
#include "service/webhooks/webhooks_config.h"

namespace gradus::service {

/// Posts `fine_tuning.job.succeeded`, `.failed` and `.cancelled` to the operator's URL, as OpenAI
/// does: signed by Standard Webhooks, {id, object: "event", type, created_at, data: {id: JOB}}.
///
/// The store's own trigger writes a delivery together with the status that ends the job, so that
/// none is lost by a kill. It is removed once the URL has answered with 2xx; else it is tried again
/// after 5 s, 10 s, 20 s, ... an hour, until `give_up_h` have passed. The id stays the same: a
/// receiver that has seen it may pass it over.
class WebhookDesk {
 public:
  /// @param log  a JSON line of each attempt, from the desk's own thread.
  /// @throws ConfigError  the URL, its networks, the secret; FileError  one of the files.
  WebhookDesk(Store& store, const WebhooksConfig& config,
              std::function<void(const nlohmann::json&)> log);
  ~WebhookDesk();

  /// Without a URL nothing is told, and what waited is forgotten.
  void start();
  /// Ends an exchange that is under way; it is done again at the next start.
  void stop();

 private:
  struct Delivery {
    int64_t seq = 0;
    std::string id;
    std::string type;
    std::string job;
    int64_t created = 0;
    int64_t attempts = 0;
  };

  void serve(const std::stop_token& stop);
  std::optional<Delivery> next_due();
  void deliver(const Delivery& delivery);

  Store& store_;
  WebhooksConfig config_;
  std::function<void(const nlohmann::json&)> log_;
  rewards::outbound::Url url_;
  std::string key_;
  std::unique_ptr<rewards::outbound::HttpClient> client_;
  std::mutex mutex_;
  std::condition_variable_any wakes_;
  std::jthread thread_;
};

}  // namespace gradus::service
