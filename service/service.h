#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "service/api/service_config.h"

namespace gradus::service {

struct ServiceOptions {
  std::filesystem::path data_dir;
  std::string listen = "127.0.0.1:8080";
  std::vector<std::pair<std::string, std::string>> models;  ///< name and path of further bases
  std::vector<std::filesystem::path> watched;  ///< folders of runs that the page shows too
  bool is_open = false;                        ///< no keys; loopback alone
  ServiceConfig config;
  std::function<void(std::string_view line)> log;  ///< JSON lines; any thread, one call at a time
};

/// The server: HTTP, store, models and jobs over one data directory.
///
///   service.h ─▶ http/ (bytes) ─▶ api/ (routes, keys) ─▶ jobs/, models/ ─▶ store/
///
///     Service service(options);
///     std::cout << "listening on " << service.url() << std::endl;
///     service.start();
///     ...
///     service.stop();
class Service {
 public:
  /// Opens the data directory, whose lock it holds, and binds the address.
  /// @throws ConfigError  an address beyond loopback without keys or TLS, a setting.
  ///         FileError  kind "locked": another server works on the directory; "newer_schema".
  explicit Service(ServiceOptions options);
  ~Service();

  std::string url() const;
  /// Whether nobody can ask anything: no keys, and not open.
  bool needs_keys() const;
  void start();
  /// Drains, saves jobs and ends. Jobs that ran go on when a server starts on the directory again.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Makes DIR and takes its lock for the life of the result. @throws FileError  kind "locked".
std::shared_ptr<void> lock_data_dir(const std::filesystem::path& data_dir);

}  // namespace gradus::service
