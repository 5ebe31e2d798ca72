#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <stop_token>
#include <thread>

namespace gradus::cli {

/// Turns signals into a stop request:
///
///   INT, TERM         a person, or who runs the machine; the second one of a kind ends the program
///                     at once
///   HUP               the terminal was closed; left ignored where it was (nohup)
///   USR1, XCPU        a batch system's warning that time is nearly over; further ones are ignored
///   USR2              no stop: a checkpoint after the present step
///
/// SIGPIPE is ignored, so that a closed pipe is an error of the write and not the program's death.
/// At most one object at a time.
class StopSignals {
 public:
  /// @throws gradus::Error  the system gives no pipe or no thread.
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return source_.get_token(); }
  /// From now on INT calls this, in another thread, and stops nothing; empty: as above.
  void on_interrupt(std::function<void()> action);
  /// Whether USR2 came since the last call.
  bool take_checkpoint_wish() { return wants_checkpoint_.exchange(false); }

 private:
  void watch(int read_end);
  void act_on_interrupt();

  std::stop_source source_;
  std::atomic<bool> wants_checkpoint_{false};
  int read_end_ = -1;
  std::mutex mutex_;
  std::function<void()> interrupt_;  ///< under the mutex
  std::thread watcher_;
};

/// Opens /dev/null where one of the descriptors 0 to 2 is closed, so that no file or pipe of the
/// program becomes its standard output.
void open_standard_descriptors();

}  // namespace gradus::cli
