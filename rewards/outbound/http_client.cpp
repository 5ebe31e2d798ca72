#include "rewards/outbound/http_client.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
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

/// How an operation ended, once the loop has run it.
struct Ended {
  beast::error_code error = asio::error::would_block;
  size_t bytes = 0;  // read or written
};

struct Done {
  Ended* ended;
  void operator()(const beast::error_code& error, size_t bytes = 0) const {
    *ended = {error, bytes};
  }
};

/// One exchange, step by step. Each step is started without blocking and the loop run until it is
/// done or the connection is closed, at the deadline or at a stop.
class Exchange {
 public:
  Exchange(const HttpRequest& request, const OutboundConfig& config, asio::ssl::context& tls,
           Deadline deadline, std::stop_token stop)
      : request_(request),
        url_(request.url),
        max_bytes_(static_cast<uint64_t>(config.max_reply_kib) << 10),
        deadline_(deadline),
        stop_(std::move(stop)) {
    if (url_.is_tls) tls_.emplace(socket_, tls);
  }

  HttpReply run(const std::vector<Address>& addresses) {
    if (const auto error = connect(addresses)) return fault_of(error, url_, "connecting");
    if (tls_) {
      if (const auto error = shake_hands()) return fault_of(error, url_, "the TLS handshake");
    }
    if (const auto error = send(message())) return fault_of(error, url_, "sending");
    if (const auto error = receive()) return fault_of(error, url_, "receiving");
    return reply_of(parser_.release());
  }

 private:
  Ended step(const std::function<void(Done)>& start) {
    Ended ended;
    start({&ended});
    bool is_late = false;
    loop_.restart();
    while (!loop_.stopped()) {
      is_late = std::chrono::steady_clock::now() >= deadline_;
      if (is_late || stop_.stop_requested()) close();
      loop_.run_until(std::min(std::chrono::steady_clock::now() + kStopLatency,
                               is_late ? Deadline::max() : deadline_));
    }
    if (is_late && ended.error) ended.error = beast::error::timeout;
    return ended;
  }

  // What is under way ends with an error, and so does what is begun after it.
  void close() {
    beast::error_code ignored;
    socket_.close(ignored);
  }

  beast::error_code connect(const std::vector<Address>& addresses) {
    beast::error_code error;
    for (const Address& address : addresses) {
      if (stop_.stop_requested()) return asio::error::operation_aborted;
      close();  // the one of the address before; connecting opens it again
      error = step([&](Done done) {
                socket_.async_connect(endpoint_of(address, url_.port), done);
              }).error;
      if (!error || error == beast::error::timeout) break;
    }
    return error;
  }

  beast::error_code shake_hands() {
    // Certificates of bare addresses are rare, and have no server name to ask for.
    if (!Address::parse(url_.host)) {
      SSL_set_tlsext_host_name(tls_->native_handle(), url_.host.c_str());
    }
    tls_->set_verify_callback(asio::ssl::host_name_verification(url_.host));
    return step([&](Done done) { tls_->async_handshake(asio::ssl::stream_base::client, done); })
        .error;
  }

  std::string message() const {
    http::fields fields;
    fields.set(http::field::host, url_.host_header());
    fields.set(http::field::user_agent, "gradus");
    fields.set(http::field::accept, "application/json");
    fields.set(http::field::accept_encoding, "identity");
    fields.set(http::field::connection, "close");
    fields.set(http::field::content_type, "application/json");
    for (const auto& [name, value] : request_.headers) fields.set(name, value);
    fields.set(http::field::content_length, std::to_string(request_.body.size()));
    std::string text = "POST " + url_.target + " HTTP/1.1\r\n";
    for (const auto& field : fields) {
      text.append(field.name_string().data(), field.name_string().size()).append(": ");
      text.append(field.value().data(), field.value().size()).append("\r\n");
    }
    return text + "\r\n" + request_.body;
  }

  beast::error_code send(const std::string& text) {
    for (size_t sent = 0; sent < text.size();) {
      const asio::const_buffer rest(text.data() + sent, text.size() - sent);
      const Ended ended = step([&](Done done) {
        tls_ ? tls_->async_write_some(rest, done) : socket_.async_write_some(rest, done);
      });
      if (ended.error) return ended.error;
      sent += ended.bytes;
    }
    return {};
  }

  // Nothing is read behind the message: a server may drop the TLS connection there.
  beast::error_code receive() {
    parser_.header_limit(kMaxHeaderBytes);
    parser_.body_limit(max_bytes_);
    std::array<char, 16 << 10> chunk;
    std::string unread;
    while (!parser_.is_done()) {
      const Ended ended = step([&](Done done) {
        const auto space = asio::buffer(chunk);
        tls_ ? tls_->async_read_some(space, done) : socket_.async_read_some(space, done);
      });
      if (ended.error) return ended.error == asio::error::eof ? end_of_stream() : ended.error;
      unread.append(chunk.data(), ended.bytes);
      if (const auto error = parse(unread)) return error;
    }
    return {};
  }

  // Takes from `unread` what makes whole parts of the reply.
  beast::error_code parse(std::string& unread) {
    while (!unread.empty() && !parser_.is_done()) {
      beast::error_code error;
      const size_t taken = parser_.put(asio::buffer(unread), error);
      unread.erase(0, taken);
      if (error && error != http::error::need_more) return error;
      // Where header and body arrive together, Beast passes over a Content-Length that is too long.
      if (parser_.is_header_done() && parser_.content_length().value_or(0) > max_bytes_) {
        return http::error::body_limit;
      }
      if (error || taken == 0) {  // a header or a chunk's head, which must end somewhere
        if (unread.size() > kMaxHeaderBytes) return http::error::header_limit;
        return {};
      }
    }
    return {};
  }

  // A reply without a length ends with its connection.
  beast::error_code end_of_stream() {
    if (!parser_.got_some()) return http::error::end_of_stream;
    beast::error_code error;
    parser_.put_eof(error);
    return error;
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
  const Url& url_;
  uint64_t max_bytes_;
  Deadline deadline_;
  std::stop_token stop_;
  asio::io_context loop_;
  tcp::socket socket_{loop_};
  std::optional<asio::ssl::stream<tcp::socket&>> tls_;
  http::response_parser<http::string_body> parser_;
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
