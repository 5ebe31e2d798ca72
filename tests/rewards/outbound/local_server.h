#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/files/file_descriptor.h"

namespace gradus::tests {

/// A certificate of its own making for `localhost`, and its key, as PEM files in `folder`.
struct SelfSigned {
  explicit SelfSigned(const std::filesystem::path& folder);
  std::string certificate;
  std::string key;
};

/// A server on 127.0.0.1 that says what the test has written, byte by byte, one connection after
/// another. With certificates it speaks TLS.
class LocalServer {
 public:
  /// The connection as the script sees it.
  class Connection {
   public:
    Connection(int fd, SSL* tls) : fd_(fd), tls_(tls) {}
    bool send(const std::string& bytes);
    std::string receive_request();  // headers and the body that Content-Length announces
    /// Waits until the client closes, at most for `seconds`.
    void wait_for_close(double seconds);

   private:
    int receive(char* buffer, int size);
    int fd_;
    SSL* tls_;
  };
  using Script = std::function<void(Connection&, const std::string& request)>;

  explicit LocalServer(Script script, const SelfSigned* certificate = nullptr);
  ~LocalServer();

  uint16_t port() const { return port_; }
  std::string authority() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> requests();
  int num_connections() const { return num_connections_; }

 private:
  void serve(const std::stop_token& stop);
  void answer(int fd);

  Script script_;
  SSL_CTX* context_ = nullptr;
  FileDescriptor listener_;
  uint16_t port_ = 0;
  std::atomic<int> num_connections_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;
  std::jthread thread_;
};

/// "HTTP/1.1 200 OK" with a JSON body.
std::string json_response(const std::string& body, const std::string& status = "200 OK",
                          const std::string& headers = "");

}  // namespace gradus::tests
