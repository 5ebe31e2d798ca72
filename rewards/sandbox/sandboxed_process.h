#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/files/file_descriptor.h"
#include "rewards/sandbox/control_group.h"
#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {

using Deadline = std::chrono::steady_clock::time_point;

/// The moment `seconds` from now.
Deadline deadline_in(double seconds);

/// How a program ended, as far as the helper could tell.
struct Ending {
  enum class Kind {
    unknown,        // it runs, or the helper was lost
    exited,         // `code`: its status
    signalled,      // `code`: the signal
    out_of_memory,  // stopped for the memory of the whole tree
    too_many,       // stopped for the number of processes, where the kernel does not count them
    not_started,    // `text`: the step that failed
    killed,         // by us
  };
  Kind kind = Kind::unknown;
  int code = 0;
  std::string text;
  std::string warning;  // what of the limits could not be kept; empty: all were
  double cpu_s = 0;
  int64_t peak_bytes = 0;  // largest resident size of one process

  /// "exited with status 1", "was killed by signal 9 (Killed)", ...
  std::string description() const;
};

/// A program in the sandbox, its channel and its outputs. What it prints is drained whenever one
/// waits, so that neither a flood nor a full pipe stops it, and kept up to a limit. Destruction
/// ends every process of the sandbox. One thread at a time.
class SandboxedProcess {
 public:
  enum class Event {
    line,       // a line has arrived on the reply channel
    closed,     // the reply channel is closed by all who could write, or the program has ended
    timed_out,  // neither by the deadline
    too_long,   // a line of more than max_reply_bytes
  };

  struct Options {
    size_t max_output_bytes = size_t{64} << 10;
    size_t max_reply_bytes = size_t{1} << 20;
    std::string owned_folder;             // removed at the end
    std::unique_ptr<ControlGroup> group;  // or null
  };

  /// Starts `helper` with the plan. @throws PeerError  it cannot be started.
  SandboxedProcess(LaunchPlan plan, int helper, Options options);
  ~SandboxedProcess();
  SandboxedProcess(const SandboxedProcess&) = delete;
  SandboxedProcess& operator=(const SandboxedProcess&) = delete;

  /// Once `stop` is requested every wait ends as if its deadline had come.
  void stop_with(std::stop_token stop) { stop_ = std::move(stop); }

  /// Queues bytes for the request channel; they are sent while one waits.
  void send(std::string_view bytes);

  /// The largest line that `wait_line` takes from now on. What a program sends beyond it, or
  /// while nobody waits for a line, is read and dropped.
  void limit_replies(size_t max_bytes) { options_.max_reply_bytes = max_bytes; }

  /// Waits for the next line of the reply channel, without its newline.
  Event wait_line(std::string& line, Deadline deadline);

  /// Waits for the end of the program, its outputs included; false: not by the deadline, or it has
  /// printed more than max_output_bytes and `stops_at_flood`.
  bool wait_end(Deadline deadline, bool stops_at_flood = false);

  /// Ends every process of the sandbox and waits until they are gone.
  void kill();

  /// True until the helper has ended.
  bool is_running() const { return pid_ > 0; }

  const Ending& ending() const { return ending_; }
  const std::string& output() const { return output_; }
  const std::string& error_output() const { return error_output_; }
  bool is_output_cut() const { return is_output_cut_; }
  /// The file SandboxConfig::collect, after wait_end: what came on the reply channel.
  const std::string& collected() const { return received_; }
  pid_t helper_pid() const { return pid_; }

 private:
  void spawn(int helper, int replies, int requests, int output, int errors, int control);
  int wait_ms(Deadline deadline) const;
  void pump(int wait_ms);
  void send_queued();
  void receive();
  void receive_all();
  void note_lost_helper();
  void receive_report();
  void take_report(std::string_view line);
  void drain(FileDescriptor& pipe, std::string& kept, bool keeps_beginning);
  void reap(double patience_s);

  Options options_;
  std::stop_token stop_;
  FileDescriptor replies_;
  FileDescriptor requests_;
  FileDescriptor
      requests_reader_;  // ours too: a write to a pipe that nobody reads would be SIGPIPE
  FileDescriptor output_pipe_;
  FileDescriptor error_pipe_;
  FileDescriptor control_;
  std::string unsent_;
  size_t sent_ = 0;
  std::string plan_;  // what of it is not yet sent
  std::string received_;
  size_t searched_ = 0;
  std::string report_;
  std::string output_;
  std::string error_output_;
  bool is_output_cut_ = false;
  Ending ending_;
  pid_t pid_ = -1;
};

}  // namespace gradus::rewards::sandbox
