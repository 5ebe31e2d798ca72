#include "rewards/outbound/http_client.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "tests/catch.h"
#include "tests/rewards/outbound/local_server.h"

using namespace gradus;
using namespace gradus::rewards::outbound;
using namespace gradus::tests;
using Outcome = HttpReply::Outcome;

namespace {

OutboundConfig config_for(const LocalServer& server, double timeout_s = 5) {
  OutboundConfig config;
  config.allow = {"http://" + server.authority()};
  config.timeout_s = timeout_s;
  config.max_reply_kib = 64;
  return config;
}

HttpReply post(HttpClient& client, const LocalServer& server, const std::string& path = "/grade") {
  return client.post({Url::parse("http://" + server.authority() + path), {{"X-A", "b"}}, "{}", 0});
}

HttpReply answer_to(const std::string& response, double timeout_s = 5) {
  const SteadyClock clock;
  LocalServer server([&](LocalServer::Connection& c, const std::string&) { c.send(response); });
  HttpClient client(config_for(server, timeout_s), "outbound", clock);
  return post(client, server);
}

struct Folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("gradus_tls_" + std::to_string(getpid()));
  Folder() { std::filesystem::create_directories(path); }
  ~Folder() { std::filesystem::remove_all(path); }
};

}  // namespace

TEST_CASE("JSON is posted and the reply read", "[rewards][outbound][http]") {
  const SteadyClock clock;
  LocalServer server([](LocalServer::Connection& c, const std::string&) {
    c.send(json_response(R"({"score": 1})"));
  });
  HttpClient client(config_for(server), "outbound", clock);
  const auto reply = post(client, server);
  CHECK(reply.details == "");
  CHECK(reply.outcome == Outcome::replied);
  CHECK(reply.status == 200);
  CHECK(reply.body == R"({"score": 1})");
  const std::string request = server.requests().at(0);
  CHECK_THAT(request, Catch::StartsWith("POST /grade HTTP/1.1\r\n"));
  CHECK_THAT(request, Catch::Contains("Host: " + server.authority() + "\r\n"));
  CHECK_THAT(request, Catch::Contains("X-A: b\r\n"));
  CHECK_THAT(request, Catch::Contains("Content-Type: application/json\r\n"));
  CHECK_THAT(request, Catch::EndsWith("\r\n\r\n{}"));
}

TEST_CASE("chunks and error statuses are replies", "[rewards][outbound][http]") {
  const auto chunked = answer_to(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  CHECK(chunked.outcome == Outcome::replied);
  CHECK(chunked.body == "abcde");
  CHECK(answer_to(json_response("{}", "500 Oops")).status == 500);
  CHECK(answer_to("HTTP/1.1 200 OK\r\n\r\nuntil the end").body == "until the end");
}

TEST_CASE("replies that may not be taken are faults with their reason",
          "[rewards][outbound][http]") {
  const auto redirect = answer_to(
      "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n");
  CHECK(redirect.outcome == Outcome::failed);
  CHECK_THAT(redirect.details, Catch::Contains("redirect (302)"));
  const auto compressed = answer_to(json_response("x", "200 OK", "Content-Encoding: gzip\r\n"));
  CHECK_THAT(compressed.details, Catch::Contains("compressed"));
  const auto announced = answer_to("HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
  CHECK_THAT(announced.details, Catch::Contains("longer than max_reply_kib"));
  const auto at_once = answer_to(json_response(std::string(200'000, 'x')));
  CHECK_THAT(at_once.details, Catch::Contains("longer than max_reply_kib"));
  const auto endless = answer_to("HTTP/1.1 200 OK\r\n\r\n" + std::string(200'000, 'x'));
  CHECK_THAT(endless.details, Catch::Contains("longer than max_reply_kib"));
  const auto headers = answer_to("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'x'));
  CHECK(headers.outcome == Outcome::failed);
  const std::string chunk = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=";
  CHECK_THAT(answer_to(chunk + std::string(1 << 20, 'x')).details, Catch::Contains("header limit"));
  for (const char* nonsense : {"", "hello", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab",
                               "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                               "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
    INFO(nonsense);
    CHECK(answer_to(nonsense).outcome == Outcome::failed);
  }
}

TEST_CASE("a slow server ends at the time limit", "[rewards][outbound][http]") {
  const SteadyClock clock;
  LocalServer silent([](LocalServer::Connection& c, const std::string&) { c.wait_for_close(5); });
  LocalServer dripping([](LocalServer::Connection& c, const std::string&) {
    c.send("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n");
    while (c.send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  for (const LocalServer* server : {&silent, &dripping}) {
    HttpClient client(config_for(*server, 0.3), "outbound", clock);
    const double start = clock.now_s();
    const auto reply = post(client, *server);
    CHECK(reply.outcome == Outcome::timed_out);
    CHECK(clock.now_s() - start < 4.0);
  }
}

TEST_CASE("nothing is sent to servers that are not listed", "[rewards][outbound][http]") {
  const SteadyClock clock;
  LocalServer server([](LocalServer::Connection& c, const std::string&) { c.send("x"); });
  HttpClient client({}, "outbound", clock);
  const auto reply = post(client, server);
  CHECK(reply.outcome == Outcome::refused);
  CHECK_THAT(reply.details, Catch::Contains("not among the servers"));
  CHECK(server.num_connections() == 0);
}

TEST_CASE("a server that is down is asked five times, then left alone",
          "[rewards][outbound][http]") {
  ManualClock clock;
  OutboundConfig config;
  {
    const LocalServer gone([](LocalServer::Connection&, const std::string&) {});
    config = config_for(gone);
  }
  HttpClient client(config, "outbound", clock);
  const Url url = Url::parse(config.allow.front());
  for (int i = 0; i < 5; ++i) {
    const auto reply = client.post({url, {}, "{}", 0});
    CHECK(reply.outcome == Outcome::failed);
    CHECK_THAT(reply.details, Catch::Contains("connecting failed"));
  }
  CHECK_THAT(client.post({url, {}, "{}", 0}).details, Catch::Contains("left alone"));
}

TEST_CASE("certificates and their names are verified", "[rewards][outbound][http][tls]") {
  const SteadyClock clock;
  const Folder folder;
  const SelfSigned certificate(folder.path);
  LocalServer server(
      [](LocalServer::Connection& c, const std::string&) { c.send(json_response("{}")); },
      &certificate);
  const std::string port = std::to_string(server.port());
  OutboundConfig config;
  config.allow = {"localhost:" + port, "127.0.0.1:" + port};
  HttpClient strangers(config, "outbound", clock);
  const auto unknown = strangers.post({Url::parse("https://localhost:" + port), {}, "{}", 0});
  CHECK(unknown.outcome == Outcome::failed);
  CHECK_THAT(unknown.details, Catch::Contains("TLS handshake"));
  config.ca_file = certificate.certificate;
  HttpClient friends(config, "outbound", clock);
  const auto known = friends.post({Url::parse("https://localhost:" + port), {}, "{}", 0});
  CHECK(known.details == "");
  CHECK(known.body == "{}");
  // The certificate is for localhost, not for its address.
  const auto misnamed = friends.post({Url::parse("https://127.0.0.1:" + port), {}, "{}", 0});
  CHECK(misnamed.outcome == Outcome::failed);
  config.ca_file = certificate.key;
  CHECK_THROWS(HttpClient(config, "outbound", clock));
}
