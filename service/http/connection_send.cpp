// How answers are sent: whole, from files, and while they are made.
// clang-format off: it comes before the others
#include "service/http/connection.h"
// clang-format on

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/files/file_descriptor.h"

namespace gradus::service {
namespace {

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

namespace asio = boost::asio;
using asio::awaitable;

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

awaitable<int64_t> Connection::send(const std::shared_ptr<PendingExchange>& pending,
                                    const CheckedHead& head, bool& keeps_alive, int& status) {
  if (in_.empty())
    socket_->watch([weak = std::weak_ptr(pending)] {
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
    const auto wanted = std::min<int64_t>(std::ssize(piece), response.file_bytes - sent);
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
