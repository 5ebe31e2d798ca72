#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace gradus::service {

/// A plain socket to a server of this machine: what no honest client would send, too.
class RawClient {
 public:
  explicit RawClient(int port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes);
  /// Bytes until the server closes, or nothing came for `timeout_s`.
  std::string read_all(double timeout_s = 5.0);
  /// Bytes until `text` is among them.
  std::string read_until(const std::string& text, double timeout_s = 5.0);
  bool is_closed(double timeout_s = 5.0);
  void close();

 private:
  int fd_ = -1;
};

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
  nlohmann::json json() const { return nlohmann::json::parse(body); }
};

/// One request on a connection of its own.
Answer ask(int port, const std::string& method, const std::string& path,
           const std::string& body = "", const std::map<std::string, std::string>& headers = {},
           double timeout_s = 60.0);
Answer ask_json(int port, const std::string& method, const std::string& path,
                const nlohmann::json& body, const std::map<std::string, std::string>& headers = {});

/// Uploads a file by a form. @return  its id.
std::string upload(int port, const std::string& bytes,
                   const std::map<std::string, std::string>& headers = {});

}  // namespace gradus::service
