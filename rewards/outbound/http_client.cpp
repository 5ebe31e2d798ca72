#include "rewards/outbound/http_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <chrono>
#include <functional>
#include <optional>

#include "base/error.h"
#include "base/printable.h"
#include "rewards/outbound/resolve.h"

namespace gradus::rewards::outbound {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using Outcome = HttpReply::Outcome;
using Deadline = std::chrono::steady_clock::time_point;
using Stream = beast::tcp_stream;
using TlsStream = beast::ssl_stream<Stream>;

constexpr uint32_t kMaxHeaderBytes = 16 << 10;
constexpr int kMaxFailures = 5;
constexpr double kRest_s = 30;
constexpr std::chrono::milliseconds kStopLatency{200};

HttpReply fault(Outcome outcome, const Url& url, const std::string& what) {
  return {outcome, 0, "", url.authority() + ": " + printable(what, 300)};
}

HttpReply fault_of(const beast::error_code& error, const Url& url, const std::string& doing) {
  if (error == beast::error::timeout) {
    return fault(Outcome::timed_out, url, "no whole reply in time (while " + doing + ")");
  }
  if (error == http::error::body_limit) {
    return fault(Outcome::failed, url, "the reply is longer than max_reply_kib allows");
  }
  return fault(Outcome::failed, url, doing + " failed: " + error.message());
}

tcp::endpoint endpoint_of(const Address& address, uint16_t port) {
  if (address.is_v4()) {
    asio::ip::address_v4::bytes_type bytes;
    std::copy(address.bytes + 12, address.bytes + 16, bytes.begin());
    return {asio::ip::address_v4(bytes), port};
  }
  asio::ip::address_v6::bytes_type bytes;
  std::copy(std::begin(address.bytes), std::end(address.bytes), bytes.begin());
  return {asio::ip::address_v6(bytes), port};
}

/// One exchange, step by step. Each step is started without blocking and the loop run until it is
/// done, because only such operations end at the stream's deadline.
class Exchange {
 public:
  Exchange(const HttpRequest& request, const OutboundConfig& config, asio::ssl::context& tls,
           Deadline deadline, std::stop_token stop)
      : request_(request),
        config_(config),
        tls_(tls),
        url_(request.url),
        deadline_(deadline),
        stop_(std::move(stop)) {}

  HttpReply run(const std::vector<Address>& addresses) {
    if (!url_.is_tls) {
      Stream stream(loop_);
      cancel_ = [&] { stream.cancel(); };
      if (const auto error = connect(stream, addresses)) return *error;
      return talk(stream);
    }
    TlsStream stream(loop_, tls_);
    cancel_ = [&] { beast::get_lowest_layer(stream).cancel(); };
    if (const auto error = connect(beast::get_lowest_layer(stream), addresses)) return *error;
    if (const auto error = shake_hands(stream)) return *error;
    return talk(stream);
  }

 private:
  template <class Start>
  beast::error_code step(Start&& start) {
    if (stop_.stop_requested()) return asio::error::operation_aborted;
    beast::error_code result = asio::error::would_block;
    start([&result](const beast::error_code& error, auto&&...) { result = error; });
    loop_.restart();
    while (!loop_.stopped()) {
      loop_.run_for(kStopLatency);
      if (stop_.stop_requested()) cancel_();
    }
    return result;
  }

  std::optional<HttpReply> connect(Stream& stream, const std::vector<Address>& addresses) {
    stream.expires_at(deadline_);
    beast::error_code error;
    for (const Address& address : addresses) {
      error = step([&](auto done) {
        stream.async_connect(endpoint_of(address, url_.port), std::move(done));
      });
      if (!error || error == beast::error::timeout) break;
    }
    if (error) return fault_of(error, url_, "connecting");
    return std::nullopt;
  }

  std::optional<HttpReply> shake_hands(TlsStream& stream) {
    // Certificates of bare addresses are rare, and have no server name to ask for.
    if (!Address::parse(url_.host)) {
      SSL_set_tlsext_host_name(stream.native_handle(), url_.host.c_str());
    }
    stream.set_verify_callback(asio::ssl::host_name_verification(url_.host));
    beast::get_lowest_layer(stream).expires_at(deadline_);
    const auto error = step([&](auto done) {
      stream.async_handshake(asio::ssl::stream_base::client, std::move(done));
    });
    if (error) return fault_of(error, url_, "the TLS handshake");
    return std::nullopt;
  }

  http::request<http::string_body> message() const {
    http::request<http::string_body> message(http::verb::post, url_.target, 11);
    message.set(http::field::host, url_.host_header());
    message.set(http::field::user_agent, "gradus");
    message.set(http::field::accept, "application/json");
    message.set(http::field::accept_encoding, "identity");
    message.set(http::field::connection, "close");
    message.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : request_.headers) message.set(name, value);
    message.body() = request_.body;
    message.prepare_payload();
    return message;
  }

  template <class AnyStream>
  HttpReply talk(AnyStream& stream) {
    beast::get_lowest_layer(stream).expires_at(deadline_);
    const auto out = message();
    if (const auto error =
            step([&](auto done) { http::async_write(stream, out, std::move(done)); })) {
      return fault_of(error, url_, "sending");
    }
    return receive(stream);
  }

  // Header and body are read one after the other: where they arrive together, Beast passes over a
  // Content-Length that is too long.
  template <class AnyStream>
  HttpReply receive(AnyStream& stream) {
    const uint64_t max_bytes = static_cast<uint64_t>(config_.max_reply_kib) << 10;
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(max_bytes);
    auto error =
        step([&](auto done) { http::async_read_header(stream, buffer, parser, std::move(done)); });
    if (!error && parser.content_length().value_or(0) > max_bytes) error = http::error::body_limit;
    if (!error && !parser.is_done()) {
      error = step([&](auto done) { http::async_read(stream, buffer, parser, std::move(done)); });
    }
    // A server may drop the TLS connection behind a whole message.
    if (error && !(parser.is_done() && error != beast::error::timeout)) {
      return fault_of(error, url_, "receiving");
    }
    return reply_of(parser.release());
  }

  HttpReply reply_of(http::response<http::string_body> message) const {
    const int status = static_cast<int>(message.result_int());
    if (status >= 300 && status < 400) {
      return fault(
          Outcome::failed, url_,
          "answers with a redirect (" + std::to_string(status) + "), which is not followed");
    }
    const auto encoding = message[http::field::content_encoding];
    if (!encoding.empty() && encoding != "identity") {
      return fault(Outcome::failed, url_,
                   "answers with a compressed body (" + std::string(encoding) + ")");
    }
    return {Outcome::replied, status, std::move(message.body()), ""};
  }

  const HttpRequest& request_;
  const OutboundConfig& config_;
  asio::ssl::context& tls_;
  const Url& url_;
  Deadline deadline_;
  std::stop_token stop_;
  std::function<void()> cancel_;  // the step at hand
  asio::io_context loop_;
};

}  // namespace

struct HttpClient::Tls {
  asio::ssl::context context{asio::ssl::context::tls_client};  // streams may be made by any thread
};

HttpClient::HttpClient(OutboundConfig config, const std::string& where, const Clock& clock)
    : config_(std::move(config)),
      policy_(config_, where),
      breaker_(kMaxFailures, kRest_s, clock),
      tls_(std::make_unique<Tls>()) {
  tls_->context.set_verify_mode(asio::ssl::verify_peer);
  SSL_CTX_set_min_proto_version(tls_->context.native_handle(), TLS1_2_VERSION);
  beast::error_code error;
  if (!config_.ca_file.empty()) {
    tls_->context.load_verify_file(config_.ca_file, error);
  } else if (!policy_.is_empty()) {
    tls_->context.set_default_verify_paths(error);
  }
  if (error) {
    throw FileError(config_.ca_file.empty() ? "certificates of the system" : config_.ca_file,
                    "invalid_certificates", "cannot be read: " + error.message());
  }
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::post(const HttpRequest& request) {
  if (const auto refusal = policy_.refusal_of(request.url); !refusal.empty()) {
    return {Outcome::refused, 0, "", refusal};
  }
  const std::string server = request.url.authority();
  if (const auto refusal = breaker_.refusal_of(server)) {
    return {Outcome::refused, 0, "", *refusal};
  }
  HttpReply reply = exchange(request);
  if (stop_.stop_requested()) return reply;  // no fault of the server
  if (reply.outcome == Outcome::refused) {
    breaker_.report(server, false);
    return reply;
  }
  breaker_.report(server, reply.outcome == Outcome::replied && reply.status < 500);
  return reply;
}

HttpReply HttpClient::exchange(const HttpRequest& request) const {
  const double timeout_s = request.timeout_s > 0 ? request.timeout_s : config_.timeout_s;
  const Deadline deadline = std::chrono::steady_clock::now() +
                            std::chrono::duration_cast<std::chrono::steady_clock::duration>(
                                std::chrono::duration<double>(timeout_s));
  const Resolved resolved = resolve(request.url.host, deadline, stop_);
  if (!resolved.fault.empty()) {
    return fault(resolved.timed_out ? Outcome::timed_out : Outcome::failed, request.url,
                 resolved.fault);
  }
  // All of them must do: a name that leads to a good and a bad address is not to be trusted.
  for (const Address& address : resolved.addresses) {
    const std::string refusal = policy_.refusal_of(request.url, address);
    if (!refusal.empty()) return {Outcome::refused, 0, "", refusal};
  }
  try {
    return Exchange(request, config_, tls_->context, deadline, stop_).run(resolved.addresses);
  } catch (const boost::system::system_error& error) {
    return fault(Outcome::failed, request.url, error.what());
  }
}

}  // namespace gradus::rewards::outbound
