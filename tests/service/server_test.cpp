// The HTTP server over real sockets: limits, framing, keep-alive, drain.
#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "service/http/http_server.h"
#include "tests/catch.h"
#include "tests/service/raw_client.h"

using namespace gradus::service;

namespace {

/// Counts what it is given.
class CountingSink final : public BodySink {
 public:
  explicit CountingSink(std::atomic<int64_t>& total) : total_(total) {}
  void take(std::string_view bytes) override { total_ += static_cast<int64_t>(bytes.size()); }
  void finish() override {}

 private:
  std::atomic<int64_t>& total_;
};

/// Echoes bodies; /stream sends ten pieces, /slow waits, /sink takes a body piece by piece.
struct EchoServer {
  explicit EchoServer(HttpLimits limits = {}) : server("127.0.0.1:0", limits, {}, hooks()) {
    server.start();
  }

  HttpServer::Hooks hooks() {
    return {[this](const Request& request) { return plan(request); },
            [this](const AccessRecord& record) {
              ++num_logged;
              last_status = record.status;
            }};
  }

  RequestPlan plan(const Request& request) {
    if (request.path == "/refused") throw HttpError(401, "No.", "invalid_api_key");
    RequestPlan plan;
    plan.max_body_bytes = 100000;
    if (request.path == "/sink") {
      plan.sink = std::make_unique<CountingSink>(num_bytes);
      plan.max_body_bytes = int64_t{64} << 20;
    }
    plan.handle = [this, path = request.path](const std::shared_ptr<Exchange>& exchange) {
      if (path == "/stream") return stream(exchange);
      if (path == "/slow") std::this_thread::sleep_for(std::chrono::milliseconds(400));
      if (path == "/never") {
        exchange->when_gone([this] { ++num_gone; });
        kept = exchange;
        return;
      }
      Response response;
      response.content_type = "text/plain";
      response.headers = {{"x-bad", "a\r\nx-injected: b"}};
      response.body = exchange->request().body;
      exchange->answer(std::move(response));
    };
    return plan;
  }

  static void stream(const std::shared_ptr<Exchange>& exchange) {
    const auto out = exchange->open_stream({});
    for (int i = 0; i < 10; ++i) out->write("piece " + std::to_string(i) + "\n");
    out->end();
  }

  std::atomic<int> num_logged{0};
  std::atomic<int> last_status{0};
  std::atomic<int> num_gone{0};
  std::atomic<int64_t> num_bytes{0};
  std::shared_ptr<Exchange> kept;
  HttpServer server;
};

std::string post(const std::string& path, const std::string& headers, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: localhost\r\n" + headers + "\r\n" + body;
}

}  // namespace

TEST_CASE("a connection carries one request after the other", "[service][http]") {
  EchoServer echo;
  RawClient client(echo.server.port());
  client.send(
      post("/echo", "Content-Length: 5\r\n", "first") +
      post("/echo", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n") +
      "GET /stream HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
  const std::string all = client.read_all();
  CHECK(all.find("\r\n\r\nfirst") != std::string::npos);
  CHECK(all.find("\r\n\r\nabcdefg") != std::string::npos);
  CHECK(all.find("piece 9\n") != std::string::npos);
  CHECK(all.ends_with("0\r\n\r\n"));
  CHECK(all.find("\r\nx-injected") == std::string::npos);
  CHECK(all.find("x-request-id: req_") != std::string::npos);
}

TEST_CASE("what is malformed gets one answer and the connection's end", "[service][http]") {
  EchoServer echo;
  const std::vector<std::string> bad{
      post("/echo", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"),
      post("/echo", "Transfer-Encoding: chunked\r\n", "3\nabc\r\n0\r\n\r\n"),
      post("/echo", "Transfer-Encoding: chunked\r\n", "3;a\nb\r\nabc\r\n0\r\n\r\n"),
      post("/echo", "Transfer-Encoding: chunked\r\n", "-3\r\nabc\r\n0\r\n\r\n"),
      post("/echo", "Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\n"),
      post("/echo", "Transfer-Encoding: chunked\r\n", "3\r\nabcd\r\n0\r\n\r\n"),
      "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
      "\x16\x03\x01 hello\r\n\r\n",
  };
  for (const auto& bytes : bad) {
    INFO(bytes);
    RawClient client(echo.server.port());
    client.send(bytes);
    const std::string all = client.read_all();
    CHECK(all.starts_with("HTTP/1.1 4"));
    CHECK(all.find("HTTP/1.1", 5) == std::string::npos);
    CHECK(all.find("connection: close") != std::string::npos);
    CHECK(all.find("\"error\"") != std::string::npos);
  }
  CHECK(ask(echo.server.port(), "POST", "/echo", "fine").body == "fine");
}

TEST_CASE("bodies past their limit are refused before they are read", "[service][http]") {
  EchoServer echo;
  CHECK(ask(echo.server.port(), "POST", "/echo", std::string(100001, 'x')).status == 413);
  RawClient client(echo.server.port());
  client.send(post("/echo", "Content-Length: 100001\r\nExpect: 100-continue\r\n", ""));
  CHECK(client.read_all().starts_with("HTTP/1.1 413"));
  RawClient chunked(echo.server.port());
  std::string body;
  for (int i = 0; i < 11; ++i) body += "2710\r\n" + std::string(10000, 'x') + "\r\n";
  chunked.send(post("/echo", "Transfer-Encoding: chunked\r\n", body + "0\r\n\r\n"));
  CHECK(chunked.read_all().starts_with("HTTP/1.1 413"));
}

TEST_CASE("a client that waits for a hundred is told to go on", "[service][http]") {
  EchoServer echo;
  RawClient client(echo.server.port());
  client.send(
      post("/echo", "Content-Length: 4\r\nExpect: 100-continue\r\nConnection: close\r\n", ""));
  CHECK(client.read_until("\r\n\r\n").starts_with("HTTP/1.1 100 Continue"));
  client.send("body");
  CHECK(client.read_all().ends_with("body"));
}

TEST_CASE("a long body is streamed to its sink", "[service][http]") {
  EchoServer echo;
  CHECK(ask(echo.server.port(), "POST", "/sink", std::string(20 << 20, 'x')).status == 200);
  CHECK(echo.num_bytes == 20 << 20);
}

TEST_CASE("a head or a body that does not come is not waited for", "[service][http]") {
  HttpLimits limits;
  limits.header_s = 0.2;
  limits.idle_s = 0.3;
  limits.body_stall_s = 0.2;
  limits.header_bytes = 2048;
  EchoServer echo(limits);
  RawClient silent(echo.server.port());
  CHECK(silent.is_closed(3.0));
  RawClient slow(echo.server.port());
  slow.send("GET / HTTP/1.1\r\nHo");
  CHECK(slow.is_closed(3.0));
  RawClient half(echo.server.port());
  half.send(post("/echo", "Content-Length: 10\r\n", "12345"));
  CHECK(half.is_closed(3.0));
  RawClient large(echo.server.port());
  large.send("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(4000, 'x'));
  CHECK(large.read_all().starts_with("HTTP/1.1 431"));
}

TEST_CASE("a refused request is answered and its body dropped", "[service][http]") {
  EchoServer echo;
  RawClient client(echo.server.port());
  client.send(post("/refused", "Content-Length: 6\r\n", "secret") +
              post("/echo", "Content-Length: 2\r\nConnection: close\r\n", "ok"));
  const std::string all = client.read_all();
  CHECK(all.starts_with("HTTP/1.1 401"));
  CHECK(all.ends_with("\r\n\r\nok"));
}

TEST_CASE("whoever answers hears that the client is gone", "[service][http]") {
  EchoServer echo;
  {
    RawClient client(echo.server.port());
    client.send("GET /never HTTP/1.1\r\nHost: a\r\n\r\n");
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  for (int i = 0; i < 200 && echo.num_gone == 0; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  CHECK(echo.num_gone == 1);
  echo.kept.reset();
}

TEST_CASE("requests past the limit are told to come again", "[service][http]") {
  HttpLimits limits;
  limits.requests = 2;
  EchoServer echo(limits);
  std::vector<std::thread> threads;
  std::atomic<int> busy = 0;
  for (int i = 0; i < 6; ++i) {
    threads.emplace_back([&] {
      const auto answer = ask(echo.server.port(), "GET", "/slow");
      if (answer.status == 503 && answer.headers.at("retry-after") == "1") ++busy;
    });
  }
  for (auto& thread : threads) thread.join();
  CHECK(busy == 4);
}

TEST_CASE("a stop waits for what is being answered", "[service][http]") {
  EchoServer echo;
  RawClient idle(echo.server.port());
  Answer answer;
  std::thread client([&] { answer = ask(echo.server.port(), "GET", "/slow"); });
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  echo.server.stop();
  client.join();
  CHECK(answer.status == 200);
  CHECK(idle.is_closed());
}
