#include "tests/service/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>

namespace gradus::service {
namespace {

using RawClock = std::chrono::steady_clock;

int milliseconds_left(RawClock::time_point deadline) {
  return static_cast<int>(std::max<int64_t>(
      0,
      std::chrono::duration_cast<std::chrono::milliseconds>(deadline - RawClock::now()).count()));
}

RawClock::time_point deadline_in(double seconds) {
  return RawClock::now() + std::chrono::milliseconds(static_cast<int64_t>(seconds * 1000));
}

std::string unchunked(const std::string& text) {
  std::string out;
  size_t at = 0;
  while (at < text.size()) {
    const size_t size = std::stoul(text.substr(at), nullptr, 16);
    at = text.find("\r\n", at) + 2;
    if (size == 0) break;
    out += text.substr(at, size);
    at += size + 2;
  }
  return out;
}

}  // namespace

RawClient::RawClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    throw std::runtime_error("cannot connect to port " + std::to_string(port));
}

RawClient::~RawClient() {
  close();
}

void RawClient::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

std::string RawClient::read_all(double timeout_s) {
  return read_until("", timeout_s);
}

std::string RawClient::read_until(const std::string& text, double timeout_s) {
  std::string all;
  const auto deadline = deadline_in(timeout_s);
  while (text.empty() || all.find(text) == std::string::npos) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, milliseconds_left(deadline)) <= 0) return all;
    char bytes[16384];
    const ssize_t count = ::recv(fd_, bytes, sizeof(bytes), 0);
    if (count <= 0) return all;
    all.append(bytes, static_cast<size_t>(count));
  }
  return all;
}

bool RawClient::is_closed(double timeout_s) {
  const auto deadline = deadline_in(timeout_s);
  for (;;) {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, milliseconds_left(deadline)) <= 0) return false;
    char bytes[4096];
    if (::recv(fd_, bytes, sizeof(bytes), 0) <= 0) return true;
  }
}

Answer ask(int port, const std::string& method, const std::string& path, const std::string& body,
           const std::map<std::string, std::string>& headers, double timeout_s) {
  std::string text = method + " " + path + " HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n";
  for (const auto& [name, value] : headers) text += name + ": " + value + "\r\n";
  if (!body.empty()) text += "content-length: " + std::to_string(body.size()) + "\r\n";
  RawClient client(port);
  client.send(text + "\r\n" + body);
  const std::string all = client.read_all(timeout_s);
  Answer answer;
  const size_t end = all.find("\r\n\r\n");
  if (end == std::string::npos) return answer;
  answer.status = std::stoi(all.substr(9, 3));
  size_t at = all.find("\r\n") + 2;
  while (at < end) {
    const size_t line_end = all.find("\r\n", at);
    const size_t colon = all.find(": ", at);
    answer.headers[all.substr(at, colon - at)] = all.substr(colon + 2, line_end - colon - 2);
    at = line_end + 2;
  }
  answer.body = all.substr(end + 4);
  if (answer.headers["transfer-encoding"] == "chunked") answer.body = unchunked(answer.body);
  return answer;
}

Answer ask_json(int port, const std::string& method, const std::string& path,
                const nlohmann::json& body, const std::map<std::string, std::string>& headers) {
  auto all = headers;
  all["content-type"] = "application/json";
  return ask(port, method, path, body.dump(), all);
}

std::string upload(int port, const std::string& bytes,
                   const std::map<std::string, std::string>& headers) {
  auto all = headers;
  all["content-type"] = "multipart/form-data; boundary=zz";
  const std::string body =
      "--zz\r\ncontent-disposition: form-data; name=\"purpose\"\r\n\r\nfine-tune\r\n--zz\r\n"
      "content-disposition: form-data; name=\"file\"; filename=\"rows.jsonl\"\r\n\r\n" +
      bytes + "\r\n--zz--\r\n";
  return ask(port, "POST", "/v1/files", body, all).json().at("id");
}

}  // namespace gradus::service
