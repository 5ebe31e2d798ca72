#pragma once

#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "rewards/outbound/circuit_breaker.h"
#include "rewards/outbound/outbound_policy.h"
#include "rewards/outbound/url.h"

namespace gradus::rewards::outbound {

struct HttpRequest {
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;  // beside those the client sets
  std::string body;                                          // JSON
  double timeout_s = 0;                                      // 0: the client's
};

struct HttpReply {
  enum class Outcome {
    replied,    // status and body count, whatever the status
    timed_out,  // no whole reply in time
    refused,    // not allowed, or the server is left alone after failures: nothing was sent
    failed,     // no connection, no valid TLS, no valid HTTP, too long, compressed, a redirect
  };
  Outcome outcome = Outcome::failed;
  int status = 0;
  std::string body;
  std::string details;  // of all but replied: names the server and what happened
};

/// Posts JSON to servers that the operator allows.
///
/// A name is resolved once and the address checked before it is connected to, so that what was
/// checked is what is talked to. TLS 1.2 or later, the certificate and its name are verified.
/// Redirects are not followed, compressed replies refused; one connection serves one exchange. The
/// whole exchange ends at its time limit. Servers that fail again and again (5 times: no reply, or
/// status 500 and above) rest for 30 s.
///
/// `post` may be called from several threads at once and does not throw for what the network or
/// the server did.
class HttpClient {
 public:
  /// @param where  begins the errors about `config`; clock: outlives the client.
  /// @throws gradus::ConfigError  an entry of the config; FileError  the certificates' file.
  HttpClient(OutboundConfig config, const std::string& where, const Clock& clock);
  ~HttpClient();

  HttpReply post(const HttpRequest& request);

  /// Once `stop` is requested exchanges end at once, as failed, and none is begun. While
  /// no `post` is under way.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }

  const OutboundPolicy& policy() const { return policy_; }

 private:
  struct Tls;  // trusted certificates, read once

  HttpReply exchange(const HttpRequest& request) const;

  OutboundConfig config_;
  OutboundPolicy policy_;
  CircuitBreaker breaker_;
  std::unique_ptr<Tls> tls_;
  std::stop_token stop_;
};

}  // namespace gradus::rewards::outbound
