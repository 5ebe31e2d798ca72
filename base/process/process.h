#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/files/file_descriptor.h"

namespace gradus {

struct ProcessConfig {
  std::vector<std::string> command;  // program (searched in PATH) and arguments
  std::vector<std::pair<std::string, std::string>> environment;  // all the child sees
  size_t max_reply_bytes = size_t{64} << 20;
  size_t max_output_bytes = size_t{64} << 10;  // kept of stderr; what is older is dropped
};

enum class ExchangeOutcome {
  replied,
  timed_out,  // no whole line by the deadline
  closed,     // the child ended or closed its channel
  too_long,   // more than max_reply_bytes, or bytes past the line
};

struct Exchange {
  ExchangeOutcome outcome = ExchangeOutcome::closed;
  std::string reply;  // one line, without its newline
};

/// A child process that answers lines with lines over a channel of its own.
///
/// The child leads a new process group and inherits nothing but: descriptor 3, the channel (a
/// Unix stream socket, both ways); stdin, which is empty; stdout and stderr, which are drained
/// during an exchange, so that neither a flood nor a full pipe stops it. Of stdout nothing is
/// kept, of stderr the end. Verdicts never travel by stdout or exit code.
///
/// The destructor kills the whole group with SIGKILL and reaps the child. Members of the group
/// that left it (setsid) are not found. One thread at a time.
class ChildProcess {
 public:
  static constexpr int kChannel = 3;

  /// @throws PeerError  the program cannot be started.
  explicit ChildProcess(ProcessConfig config);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  /// Sends one line and waits for one line, at most timeout_s. After any outcome but `replied`
  /// the child is of no further use: call `kill`.
  Exchange exchange(std::string_view request, double timeout_s);

  /// False once the child has ended.
  bool is_running();

  /// Waits for the child to end by itself; true if it did.
  bool wait_for_end(double timeout_s);

  /// Kills the group, waits for the end of the child, and drains what it still wrote.
  void kill();

  /// How it ended, known after `kill`: "exited with status 1", "was killed by signal 9 (Killed)".
  std::string status_text() const;

  /// The last bytes of stderr, at most max_output_bytes.
  const std::string& error_output() const { return error_output_; }

  pid_t pid() const { return pid_; }

 private:
  void spawn(int channel, int output, int errors);
  bool pump(std::string_view& unsent, std::string& received, int wait_ms);
  void drain(FileDescriptor& pipe, std::string* kept);
  void reap();

  ProcessConfig config_;
  FileDescriptor channel_;
  FileDescriptor output_;
  FileDescriptor errors_;
  std::string error_output_;
  pid_t pid_ = -1;
  bool is_reaped_ = false;
  int wait_status_ = 0;
};

}  // namespace gradus
