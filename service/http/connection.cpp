#include <utility>

#include "service/http/connection.h"
//
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

double seconds_now() { return machine_clock().now_s(); }

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

void append_header(std::string& text, std::string_view name, std::string_view value) {
  text += name;
  text += ": ";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7F) text.push_back(c);
  }
  text += "\r\n";
}

}  // namespace

std::string head_text(const Response& response, const std::string& id, int64_t length,
                      bool keeps_alive) {
  std::string text = fmt::format("HTTP/1.1 {} {}\r\n", response.status, reason_of(response.status));
  if (!response.content_type.empty()) append_header(text, "content-type", response.content_type);
  if (length >= 0) append_header(text, "content-length", std::to_string(length));
  if (length == -1) append_header(text, "transfer-encoding", "chunked");
  append_header(text, "x-request-id", id);
  append_header(text, "connection", keeps_alive ? "keep-alive" : "close");
  append_header(text, "x-content-type-options", "nosniff");
  for (const auto& [name, value] : response.headers) append_header(text, name, value);
  return text + "\r\n";
}

Connection::Connection(std::unique_ptr<Socket> socket, std::shared_ptr<ConnectionShared> shared)
    : socket_(std::move(socket)),
      shared_(std::move(shared)),
      news_(std::make_shared<asio::steady_timer>(socket_->executor())) {
  ++shared_->connections;
}

Connection::~Connection() { --shared_->connections; }

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
  const double deadline = seconds_now() + limits.header_s;
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
    const double left = deadline - seconds_now();
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
  const double begin = seconds_now();
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
    const double due = limits.body_stall_s +
                       (limits.body_bytes_per_s > 0 ? double(total) / limits.body_bytes_per_s : 1e9);
    if (seconds_now() - begin > due) throw HttpError(408, "The request's body came too slowly.");
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
  const double begin = seconds_now();
  const InFlight in_flight(shared_->requests);
  head->request.id = new_request_id();
  head->request.peer = socket_->peer();
  AccessRecord record{head->request.id, head->request.method, "", 0, 0, 0.0, socket_->peer()};
  RequestPlan plan;
  std::optional<Response> early;
  bool keeps_alive = !head->wants_close;
  try {
    plan = shared_->hooks.plan(head->request);
    record.route = plan.route;
    if (shared_->requests > shared_->limits.requests && !plan.is_cheap) {
      HttpError busy(503, "The server is busy; try again.", "server_overloaded");
      busy.headers = {{"retry-after", "1"}};
      throw busy;
    }
  } catch (const std::exception& error) {
    early = error_response(error);
  }
  if (early) {
    std::optional<HttpError> unread;
    try {
      co_await discard_body(*head);
      if (head->expects_continue) keeps_alive = false;
    } catch (const HttpError&) {
      keeps_alive = false;
    }
  } else {
    try {
      co_await read_body(*head, plan.max_body_bytes, plan.sink.get(), head->request.body);
    } catch (const HttpError& error) {
      early = error_response(error);
      keeps_alive = false;
    } catch (const FileError& error) {
      early = error_response(error);
      keeps_alive = false;
    }
  }
  keeps_alive = keeps_alive && !shared_->is_draining;
  if (early) {
    record.status = early->status;
    record.bytes_out = co_await send_whole(*early, *head, record.id, keeps_alive);
  } else {
    auto wake = [news = news_] { asio::post(news->get_executor(), [news] { news->cancel(); }); };
    const auto pending = std::make_shared<PendingExchange>(
        head->request, std::move(plan.sink), shared_->limits.stream_bytes, std::move(wake));
    if (plan.is_cheap) {
      plan.handle(pending);
    } else {
      asio::post(*shared_->workers, [handle = plan.handle, pending] {
        try {
          handle(pending);
        } catch (const std::exception& error) {  // the edge of a request
          pending->answer(error_response(error));
        }
      });
    }
    record.bytes_out = co_await send(pending, *head, keeps_alive, record.status);
  }
  record.seconds = seconds_now() - begin;
  if (shared_->hooks.log) shared_->hooks.log(record);
  co_return keeps_alive;
}

awaitable<int64_t> Connection::send(const std::shared_ptr<PendingExchange>& pending,
                                    const CheckedHead& head, bool& keeps_alive, int& status) {
  if (in_.empty()) socket_->watch([weak = std::weak_ptr(pending)] {
    if (const auto open = weak.lock()) open->mark_gone();
  });
  const bool may_chunk = !head.is_http_1_0;
  int64_t sent = 0;
  bool is_chunked = false;
  status = 499;  // the client went before there was an answer
  try {
    for (;;) {
      if (pending->is_gone()) break;
      auto piece = pending->take();
      if (!piece) {
        co_await wait_for_news();
        continue;
      }
      if (piece->head) status = piece->head->status;
      if (piece->head && !piece->is_stream) {
        socket_->forget_watch();
        co_return co_await send_whole(*piece->head, head, pending->request().id, keeps_alive);
      }
      std::string text;
      if (piece->head) {
        is_chunked = may_chunk;
        if (!may_chunk) keeps_alive = false;
        text = head_text(*piece->head, pending->request().id, may_chunk ? -1 : -2, keeps_alive);
      }
      if (!piece->bytes.empty())
        text += is_chunked ? fmt::format("{:x}\r\n", piece->bytes.size()) + piece->bytes + "\r\n"
                           : piece->bytes;
      if (piece->is_over && is_chunked) text += "0\r\n\r\n";
      sent += std::ssize(text);
      co_await socket_->write(text, shared_->limits.write_stall_s);
      if (piece->is_over) break;
    }
  } catch (const std::exception&) {
    pending->mark_gone();
    throw;
  }
  socket_->forget_watch();
  if (pending->is_gone()) keeps_alive = false;
  co_return sent;
}

awaitable<int64_t> Connection::send_whole(const Response& response, const CheckedHead& head,
                                          const std::string& id, bool keeps_alive) {
  int64_t length = std::ssize(response.body);
  if (!response.file.empty()) {
    length = response.file_bytes;
    if (length < 0) {
      struct stat info {};
      if (::stat(response.file.c_str(), &info) != 0)
        throw FileError(response.file, "missing", "is gone");
      length = static_cast<int64_t>(info.st_size) - response.file_begin;
    }
  }
  std::string text = head_text(response, id, length, keeps_alive);
  if (head.request.method == "HEAD") {
    co_await socket_->write(text, shared_->limits.write_stall_s);
    co_return std::ssize(text);
  }
  text += response.body;
  co_await socket_->write(text, shared_->limits.write_stall_s);
  int64_t sent = std::ssize(text);
  if (!response.file.empty()) {
    Response part = response;
    part.file_bytes = length;
    sent += co_await send_file(part);
  }
  co_return sent;
}

awaitable<int64_t> Connection::send_file(const Response& response) {
  const FileDescriptor file = open_file(response.file, O_RDONLY);
  std::string piece(size_t{256} << 10, '\0');
  int64_t sent = 0;
  while (sent < response.file_bytes) {
    const auto wanted =
        std::min<int64_t>(std::ssize(piece), response.file_bytes - sent);
    const ssize_t count = uninterrupted([&] {
      return ::pread(file.get(), piece.data(), static_cast<size_t>(wanted),
                     response.file_begin + sent);
    });
    if (count <= 0) throw FileError(response.file, "read_failed", "ends too early");
    co_await socket_->write({piece.data(), static_cast<size_t>(count)},
                            shared_->limits.write_stall_s);
    sent += count;
  }
  co_return sent;
}

}  // namespace gradus::service
