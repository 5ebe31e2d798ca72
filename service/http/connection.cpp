#include "service/http/connection.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/bind_executor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <chrono>

#include "base/clock.h"
#include "base/files/file_descriptor.h"

namespace gradus::service {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::awaitable;
using boost::system::error_code;

constexpr size_t kReadPiece = size_t{64} << 10;
/// A body that nobody wants is read and dropped up to this size, so that the connection lives on.
constexpr int64_t kDiscarded = int64_t{1} << 20;

double connection_now_s() {
  return machine_clock().now_s();
}

/// Takes the body's framing off. Beast checks sizes of chunks and their extensions.
class BodyReader {
 public:
  BodyReader(std::string_view head, int64_t max_bytes) : piece_(kReadPiece, '\0') {
    parser_.header_limit(1 << 20);
    parser_.body_limit(static_cast<uint64_t>(max_bytes));
    parser_.eager(false);
    error_code error;
    parser_.put(asio::buffer(head.data(), head.size()), error);
    if (error && error != http::error::need_more) throw HttpError(400, "The request is malformed.");
  }

  bool is_done() const { return parser_.is_done(); }

  /// Uses up bytes of `in`; gives what of the body they hold. Empty: more bytes are needed.
  std::string_view take(std::string& in) {
    auto& body = parser_.get().body();
    body.data = piece_.data();
    body.size = piece_.size();
    body.more = true;
    error_code error;
    const size_t used = parser_.put(asio::buffer(in.data(), in.size()), error);
    in.erase(0, used);
    if (error == http::error::body_limit) {
      throw HttpError(413, "The request's body is too large.", "request_too_large");
    }
    if (error && error != http::error::need_more && error != http::error::need_buffer) {
      throw HttpError(400, "The request's body is malformed: " + error.message() + ".");
    }
    return {piece_.data(), piece_.size() - body.size};
  }

 private:
  http::request_parser<http::buffer_body> parser_;
  std::string piece_;
};

}  // namespace

Connection::Connection(std::unique_ptr<Socket> socket, std::shared_ptr<ConnectionShared> shared)
    : socket_(std::move(socket)),
      shared_(std::move(shared)),
      news_(std::make_shared<asio::steady_timer>(socket_->executor())) {
  ++shared_->connections;
}

Connection::~Connection() {
  --shared_->connections;
}

void Connection::cut(bool only_idle) {
  if (only_idle && !is_idle_) return;
  is_cut_ = true;
  socket_->cut();
}

awaitable<void> Connection::run() {
  const auto self = shared_from_this();
  try {
    co_await socket_->greet(shared_->limits.header_s);
    while (!shared_->is_draining && !is_cut_) {
      if (!co_await serve_one()) break;
    }
    if (!is_cut_) co_await socket_->close_gently();
  } catch (const std::exception&) {
    // The edge of a connection: it broke, or the other side was too slow.
    socket_->cut();
  }
}

awaitable<void> Connection::fill(double timeout_s) {
  const size_t before = in_.size();
  in_.resize(before + kReadPiece);
  const size_t count =
      co_await socket_->read_some(asio::buffer(in_.data() + before, kReadPiece), timeout_s);
  in_.resize(before + count);
  if (count == 0) throw boost::system::system_error(asio::error::eof);
}

/// The next head with its empty line; nothing is answered where the client is merely gone.
awaitable<std::string> Connection::read_head() {
  const HttpLimits& limits = shared_->limits;
  is_idle_ = true;
  if (in_.empty()) co_await fill(limits.idle_s);
  is_idle_ = false;
  const double deadline = connection_now_s() + limits.header_s;
  for (;;) {
    // Empty lines before a request are passed over, as RFC 9112 asks.
    while (in_.size() >= 2 && in_.compare(0, 2, "\r\n") == 0) in_.erase(0, 2);
    const size_t end = in_.find("\r\n\r\n");
    if (end != std::string::npos && end + 4 <= static_cast<size_t>(limits.header_bytes)) {
      std::string head = in_.substr(0, end + 4);
      in_.erase(0, end + 4);
      co_return head;
    }
    if (in_.size() > static_cast<size_t>(limits.header_bytes))
      throw HttpError(431, "The request's head is too large.");
    const double left = deadline - connection_now_s();
    if (left <= 0) throw HttpError(408, "The request's head did not arrive in time.");
    co_await fill(left);
  }
}

awaitable<void> Connection::read_body(const CheckedHead& head, int64_t max_bytes, BodySink* sink,
                                      std::string& body) {
  const HttpLimits& limits = shared_->limits;
  if (!head.framing.is_chunked && head.framing.length == 0) {
    if (sink != nullptr) sink->finish();
    co_return;
  }
  if (head.framing.length > max_bytes)
    throw HttpError(413, "The request's body is too large.", "request_too_large");
  if (head.expects_continue && in_.empty())
    co_await socket_->write("HTTP/1.1 100 Continue\r\n\r\n", limits.write_stall_s);
  const std::string framing =
      "POST / HTTP/1.1\r\n" +
      (head.framing.is_chunked ? std::string("transfer-encoding: chunked")
                               : "content-length: " + std::to_string(head.framing.length)) +
      "\r\n\r\n";
  BodyReader reader(framing, max_bytes);
  const double begin = connection_now_s();
  int64_t total = 0;
  while (!reader.is_done()) {
    if (in_.empty()) co_await fill(limits.body_stall_s);
    const size_t before = in_.size();
    const std::string_view bytes = reader.take(in_);
    total += static_cast<int64_t>(bytes.size());
    if (sink != nullptr) {
      sink->take(bytes);
    } else {
      body += bytes;
    }
    const double due =
        limits.body_stall_s +
        (limits.body_bytes_per_s > 0 ? double(total) / limits.body_bytes_per_s : 1e9);
    if (connection_now_s() - begin > due)
      throw HttpError(408, "The request's body came too slowly.");
    // What is left is the beginning of a chunk's line, which needs the rest of it.
    if (bytes.empty() && in_.size() == before && !reader.is_done()) {
      if (in_.size() > kReadPiece) throw HttpError(400, "A chunk's line is too long.");
      co_await fill(limits.body_stall_s);
    }
  }
  if (sink != nullptr) sink->finish();
}

awaitable<void> Connection::discard_body(const CheckedHead& head) {
  std::string dropped;
  if (head.expects_continue) co_return;
  co_await read_body(head, kDiscarded, nullptr, dropped);
}

awaitable<void> Connection::refuse(const HttpError& error) {
  const Response response = error_response(error);
  const std::string text =
      head_text(response, new_request_id(), std::ssize(response.body), false) + response.body;
  co_await socket_->write(text, shared_->limits.write_stall_s);
}

awaitable<void> Connection::wait_for_news() {
  error_code ignored;
  news_->expires_after(std::chrono::hours(24));
  co_await news_->async_wait(asio::redirect_error(asio::use_awaitable, ignored));
}

namespace {

HttpError busy_error() {
  HttpError busy(503, "The server is busy; try again.", "server_overloaded");
  busy.headers = {{"retry-after", "1"}};
  return busy;
}

/// Counts a request in flight.
struct InFlight {
  explicit InFlight(std::atomic<int>& count_) : count(count_) { ++count; }
  ~InFlight() { --count; }
  InFlight(const InFlight&) = delete;
  InFlight& operator=(const InFlight&) = delete;
  std::atomic<int>& count;
};

}  // namespace

/// One request and its answer. @return whether another may follow.
awaitable<bool> Connection::serve_one() {
  std::optional<CheckedHead> head;
  std::optional<HttpError> refusal;
  try {
    const std::string text = co_await read_head();
    head = check_head(text);
  } catch (const HttpError& error) {
    refusal = error;
  }
  if (refusal) {
    co_await refuse(*refusal);
    co_return false;
  }
  const double begin = connection_now_s();
  const InFlight in_flight(shared_->requests);
  head->request.id = new_request_id();
  head->request.peer = socket_->peer();
  AccessRecord record{head->request.id, head->request.method, "", 0, 0, 0.0, socket_->peer()};
  bool keeps_alive = !head->wants_close;
  RequestPlan plan;
  const auto early = co_await admit(*head, plan, keeps_alive);
  record.route = plan.route;
  keeps_alive = keeps_alive && !shared_->is_draining;
  if (early) {
    record.status = early->status;
    record.bytes_out = co_await send_whole(*early, *head, record.id, keeps_alive);
  } else {
    const auto pending = hand_over(*head, plan);
    record.bytes_out = co_await send(pending, *head, keeps_alive, record.status);
  }
  record.seconds = connection_now_s() - begin;
  if (shared_->hooks.log) shared_->hooks.log(record);
  co_return keeps_alive;
}

/// Asks what is to be done and reads the body. @return  the answer, where that is known already.
awaitable<std::optional<Response>> Connection::admit(CheckedHead& head, RequestPlan& plan,
                                                     bool& keeps_alive) {
  std::optional<Response> early;
  try {
    plan = shared_->hooks.plan(head.request);
    if (shared_->requests > shared_->limits.requests && !plan.is_cheap) throw busy_error();
  } catch (const std::exception& error) {
    early = error_response(error);
  }
  if (early) {
    // A body that is short is read all the same, so that the connection can go on.
    keeps_alive = keeps_alive && !head.expects_continue;
    try {
      co_await discard_body(head);
    } catch (const HttpError&) {
      keeps_alive = false;
    }
    co_return early;
  }
  try {
    co_await read_body(head, plan.max_body_bytes, plan.sink.get(), head.request.body);
  } catch (const Error& error) {
    early = error_response(error);
    keeps_alive = false;
  }
  co_return early;
}

std::shared_ptr<PendingExchange> Connection::hand_over(const CheckedHead& head, RequestPlan& plan) {
  auto wake = [news = news_] { asio::post(news->get_executor(), [news] { news->cancel(); }); };
  auto pending = std::make_shared<PendingExchange>(head.request, std::move(plan.sink),
                                                   shared_->limits.stream_bytes, std::move(wake));
  const auto work = [handle = plan.handle, pending] {
    try {
      handle(pending);
    } catch (const std::exception& error) {  // the edge of a request
      pending->answer(error_response(error));
    }
  };
  if (plan.is_cheap) {
    work();
  } else {
    asio::post(*shared_->workers, work);
  }
  return pending;
}

}  // namespace gradus::service
