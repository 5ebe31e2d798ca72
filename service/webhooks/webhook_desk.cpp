#include "service/webhooks/webhook_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "rewards/outbound/signature.h"

namespace gradus::service {

using namespace rewards::outbound;

namespace {

constexpr int64_t kFirstWait_s = 5;
constexpr int64_t kMostWait_s = 3600;

OutboundConfig outbound_of(const WebhooksConfig& config, const Url& url) {
  OutboundConfig outbound;
  outbound.allow = {(url.is_tls ? "" : "http://") + url.authority()};
  outbound.networks = config.networks;
  outbound.ca_file = config.ca_file;
  outbound.timeout_s = config.timeout_s;
  return outbound;
}

}  // namespace

void describe(WebhooksConfig& c, SettingFields& field) {
  field("url", c.url, any(), "is told when a fine-tuning job has ended; empty: nobody is");
  field("secret_file", c.secret_file, any(),
        "file with the secret that signs (whsec_ and base64, or any text); must be given with a "
        "URL");
  field("networks", c.networks, any(),
        "private networks that the URL's name may lead into: \"10.1.0.0/16\"");
  field("ca_file", c.ca_file, any(), "certificates to trust (PEM); empty: the system's");
  field("timeout_s", c.timeout_s, between(0.1, 600.0), "time for one exchange");
  field("give_up_h", c.give_up_h, between(0.001, 720.0),
        "hours after which a delivery that never succeeded is dropped");
}

WebhookDesk::WebhookDesk(Store& store, const WebhooksConfig& config,
                         std::function<void(const nlohmann::json&)> log)
    : store_(store), config_(config), log_(std::move(log)) {
  if (config_.url.empty()) return;
  if (config_.secret_file.empty())
    throw ConfigError(
        "serve.webhooks.secret_file: is empty; a receiver could not tell our requests from "
        "others'. Write a secret into a file and name it");
  try {
    url_ = Url::parse(config_.url);
  } catch (const ArgumentError& error) {
    throw ConfigError(std::string("serve.webhooks.url: ") + error.what());
  }
  key_ = read_signing_key(config_.secret_file);
  client_ =
      std::make_unique<HttpClient>(outbound_of(config_, url_), "serve.webhooks", machine_clock());
}

WebhookDesk::~WebhookDesk() {
  stop();
}

void WebhookDesk::start() {
  if (client_ == nullptr) {
    store_.write([](Database& database) { database.change("DELETE FROM deliveries"); });
    return;
  }
  thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
}

void WebhookDesk::stop() {
  thread_.request_stop();
  if (thread_.joinable()) thread_.join();
}

void WebhookDesk::serve(const std::stop_token& stop) {
  client_->stop_with(stop);
  while (!stop.stop_requested()) {
    try {
      if (const auto delivery = next_due()) {
        deliver(*delivery);
        continue;
      }
    } catch (const Error& error) {  // the store's: what it holds is tried again
      log_({{"level", "error"}, {"msg", "webhook"}, {"error", error.what()}});
    }
    std::unique_lock lock(mutex_);
    wakes_.wait_for(lock, stop, std::chrono::milliseconds(500), [] { return false; });
  }
}

std::optional<WebhookDesk::Delivery> WebhookDesk::next_due() {
  const int64_t now = store_.now();
  return store_.read([&](Database& database) -> std::optional<Delivery> {
    const auto row = database.first(
        "SELECT seq, id, type, job, created, attempts FROM deliveries WHERE next_try <= ? "
        "ORDER BY next_try, seq LIMIT 1",
        {now});
    if (!row) return std::nullopt;
    return Delivery{row->integer(0), row->text(1),    row->text(2),
                    row->text(3),    row->integer(4), row->integer(5)};
  });
}

void WebhookDesk::deliver(const Delivery& delivery) {
  const std::string body = dump_json({{"id", delivery.id},
                                      {"object", "event"},
                                      {"type", delivery.type},
                                      {"created_at", delivery.created},
                                      {"data", {{"id", delivery.job}}}});
  HttpRequest request;
  request.url = url_;
  request.body = body;
  request.headers =
      signature_headers(key_, delivery.id, static_cast<int64_t>(machine_clock().wall_s()), body);
  const HttpReply reply = client_->post(request);
  if (thread_.get_stop_token().stop_requested()) return;
  const bool is_done = reply.outcome == HttpReply::Outcome::replied && reply.status / 100 == 2;
  const int64_t now = store_.now();
  const bool is_late = static_cast<double>(now - delivery.created) > config_.give_up_h * 3600.0;
  const int64_t doublings = std::min<int64_t>(delivery.attempts, 20);
  const int64_t wait = std::min(kMostWait_s, kFirstWait_s << doublings);
  store_.write([&](Database& database) {
    if (is_done || is_late) {
      database.change("DELETE FROM deliveries WHERE seq = ?", {delivery.seq});
    } else {
      database.change("UPDATE deliveries SET attempts = attempts + 1, next_try = ? WHERE seq = ?",
                      {now + wait, delivery.seq});
    }
  });
  nlohmann::json line{{"level", is_done ? "info" : "warn"},
                      {"msg", "webhook"},
                      {"event", delivery.id},
                      {"type", delivery.type},
                      {"job", delivery.job},
                      {"attempt", delivery.attempts + 1}};
  if (reply.outcome == HttpReply::Outcome::replied) line["status"] = reply.status;
  if (!reply.details.empty()) line["error"] = reply.details;
  if (!is_done) line["next"] = is_late ? "given up" : fmt::format("in {} s", wait);
  log_(line);
}

}  // namespace gradus::service
