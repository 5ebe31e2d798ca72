#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace gradus::service {

/// `gradus serve` as a process of its own.
class ServerProcess {
 public:
  /// Waits for its first line. @param arguments  behind --data and --listen 127.0.0.1:0.
  explicit ServerProcess(std::filesystem::path data_dir,
                         std::vector<std::string> arguments = {"--open"});
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  int port() const { return port_; }
  pid_t pid() const { return pid_; }
  /// kill -9.
  void kill();
  /// SIGTERM. @return  its exit status.
  int stop();

 private:
  std::filesystem::path data_dir_;
  pid_t pid_ = -1;
  int port_ = 0;
};

}  // namespace gradus::service
