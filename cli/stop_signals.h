#pragma once

#include <stop_token>
#include <thread>

namespace gradus::cli {

/// Turns SIGINT and SIGTERM into a stop request; the second signal ends the program at once.
/// SIGPIPE is ignored, so that a closed pipe is an error of the write and not the program's death.
/// At most one object at a time.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }

 private:
  void watch(int read_end);

  std::stop_source source_;
  int read_end_ = -1;
  std::thread watcher_;
};

}  // namespace gradus::cli
