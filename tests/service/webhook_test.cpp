#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "rewards/outbound/signature.h"
#include "service/webhooks/webhook_desk.h"
#include "tests/catch.h"
#include "tests/rewards/outbound/local_server.h"
#include "tests/support/temporary_folder.h"

using namespace gradus::service;
using gradus::tests::LocalServer;
using gradus::tests::TemporaryFolder;
using nlohmann::json;

namespace {

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// A running job as the store holds it.
void add_job(Store& store, const std::string& id) {
  store.write([&](Database& database) {
    database.change(
        "INSERT INTO jobs(id, project, key, created, status, model, suffix, seed, training_file, "
        "method) VALUES(?, 'p', 'k', 1, 'running', 'nano', '', 1, 'file-x', '{}')",
        {id});
  });
}

void end_job(Store& store, const std::string& id, const std::string& status) {
  store.write([&](Database& database) {
    database.change("UPDATE jobs SET status = ?, finished = ? WHERE id = ?",
                    {status, store.now(), id});
  });
}

int64_t num_waiting(Store& store) {
  return store.read([](Database& database) {
    return database.first("SELECT COUNT(*) FROM deliveries")->integer(0);
  });
}

std::string header(const std::string& request, const std::string& name) {
  const size_t at = request.find("\r\n" + name + ": ");
  if (at == std::string::npos) return "";
  const size_t begin = at + name.size() + 4;
  return request.substr(begin, request.find("\r\n", begin) - begin);
}

template <class Condition>
bool comes_true(Condition&& condition) {
  for (int i = 0; i < 600; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return false;
}

WebhooksConfig config_of(const TemporaryFolder& folder, const LocalServer& server) {
  WebhooksConfig config;
  config.url = "http://" + server.authority() + "/hook";
  config.secret_file = folder.write("secret", std::string(kSecret) + "\n");
  return config;
}

}  // namespace

TEST_CASE("the end of a job is told once, signed, and a failed delivery again",
          "[service][webhooks]") {
  const TemporaryFolder folder;
  std::atomic<bool> is_well{false};
  LocalServer server([&](LocalServer::Connection& connection, const std::string&) {
    connection.send(is_well ? "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"
                            : "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n");
  });
  Store store(folder.path());
  add_job(store, "ftjob-a");
  add_job(store, "ftjob-b");
  std::mutex mutex;
  std::vector<json> log;
  const auto note = [&](const json& line) {
    const std::lock_guard hold(mutex);
    log.push_back(line);
  };
  {
    WebhookDesk desk(store, config_of(folder, server), note);
    desk.start();
    end_job(store, "ftjob-a", "succeeded");
    REQUIRE(comes_true([&] { return server.requests().size() == 1; }));
    REQUIRE(comes_true([&] {
      const std::lock_guard hold(mutex);
      return !log.empty();
    }));
    CHECK(log[0]["status"] == 503);
    CHECK(log[0]["next"] == "in 5 s");
  }
  // The server has ended; the delivery has not.
  CHECK(num_waiting(store) == 1);
  is_well = true;
  WebhookDesk desk(store, config_of(folder, server), note);
  desk.start();
  end_job(store, "ftjob-b", "failed");
  REQUIRE(comes_true([&] { return num_waiting(store) == 0; }));
  desk.stop();
  const auto requests = server.requests();
  REQUIRE(requests.size() == 3);
  std::vector<std::string> told;
  for (const std::string& request : requests) {
    const std::string body = request.substr(request.find("\r\n\r\n") + 4);
    const json event = json::parse(body);
    told.push_back(event["type"].get<std::string>() + " " + event["data"]["id"].get<std::string>());
    CHECK(event["object"] == "event");
    CHECK(event["created_at"].get<int64_t>() > 1'700'000'000);
    CHECK(event["id"] == header(request, "webhook-id"));
    const auto wanted = gradus::rewards::outbound::signature_headers(
        gradus::rewards::outbound::signing_key(kSecret), event["id"],
        std::stoll(header(request, "webhook-timestamp")), body);
    CHECK(header(request, "webhook-signature") == wanted[2].second);
    CHECK(request.starts_with("POST /hook HTTP/1.1"));
  }
  std::sort(told.begin(), told.end());
  CHECK(told == std::vector<std::string>{"fine_tuning.job.failed ftjob-b",
                                         "fine_tuning.job.succeeded ftjob-a",
                                         "fine_tuning.job.succeeded ftjob-a"});
  CHECK(header(requests[0], "webhook-id").starts_with("evt_"));
}

TEST_CASE("without a URL nothing waits to be told", "[service][webhooks]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  add_job(store, "ftjob-a");
  end_job(store, "ftjob-a", "cancelled");
  CHECK(num_waiting(store) == 1);
  WebhookDesk desk(store, {}, [](const json&) {});
  desk.start();
  CHECK(num_waiting(store) == 0);
}

TEST_CASE("a webhook without a secret or with a bad address is refused at the start",
          "[service][webhooks]") {
  const TemporaryFolder folder;
  Store store(folder.path());
  const auto fault = [&](const WebhooksConfig& config) {
    try {
      WebhookDesk(store, config, [](const json&) {});
    } catch (const gradus::Error& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  WebhooksConfig config;
  config.url = "https://hooks.example/x";
  CHECK(fault(config).find("secret_file") != std::string::npos);
  config.secret_file = folder.write("secret", "");
  CHECK(fault(config).find("empty") != std::string::npos);
  config.secret_file = folder.write("secret", kSecret);
  CHECK(fault(config).empty());
  config.url = "ftp://hooks.example/x";
  CHECK(fault(config).find("serve.webhooks.url") != std::string::npos);
}
