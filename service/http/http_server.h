#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/settings/setting.h"
#include "service/http/exchange.h"

namespace gradus::service {

/// Settings `serve.http.*`: what a client may ask of the server's time and memory.
struct HttpLimits {
  double header_s = 10.0;
  double idle_s = 75.0;
  double body_stall_s = 20.0;
  int body_bytes_per_s = 1024;
  double write_stall_s = 30.0;
  int header_bytes = 16384;
  int64_t body_bytes = int64_t{4} << 20;
  int64_t bulk_bytes = int64_t{64} << 20;
  int64_t upload_bytes = int64_t{512} << 20;
  int connections = 1024;
  int requests = 512;
  int64_t stream_bytes = int64_t{4} << 20;
  double drain_s = 20.0;
  int threads = 2;
  int workers = 16;
};

void describe(HttpLimits& c, SettingFields& field);

/// Settings `serve.tls.*`.
struct TlsConfig {
  std::string certificate;
  std::string key;
  std::string client_ca;
};

void describe(TlsConfig& c, SettingFields& field);

/// HTTP/1.1 over TCP, with TLS where a certificate is given: keep-alive, chunked bodies both ways,
/// Expect: 100-continue, bounded by HttpLimits. Knows nothing of what it carries.
///
///   accept ─▶ head, checked ─▶ plan(request) ─▶ body ─▶ plan.handle on a worker ─▶ answer ─▶ next
class HttpServer {
 public:
  struct Hooks {
    /// Called for each head, on a network thread; must not block. What it throws is the answer.
    std::function<RequestPlan(const Request&)> plan;
    std::function<void(const AccessRecord&)> log;
  };

  /// Binds at once, so that the port is known and a taken one is found.
  /// @param host_and_port  "127.0.0.1:8080", "[::1]:0".
  /// @throws Error  it cannot be bound; the certificate or key cannot be read.
  HttpServer(const std::string& host_and_port, HttpLimits limits, const TlsConfig& tls,
             Hooks hooks);
  ~HttpServer();

  /// "http://127.0.0.1:8080".
  std::string url() const;
  int port() const;

  void start();
  /// A further address, without TLS, for the server's own children on this machine. Before start.
  int listen_on_loopback();

  /// No new connections; requests that run may end within drain_s, then they are cut off. Returns
  /// when all is over.
  void stop();

  struct Load {
    int connections = 0;
    int requests = 0;
  };
  Load load() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace gradus::service
