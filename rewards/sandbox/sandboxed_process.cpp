#include "rewards/sandbox/sandboxed_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/printable.h"
#include "base/process/spawn_plan.h"

namespace gradus::rewards::sandbox {
namespace {

using Clock = std::chrono::steady_clock;

// The helper kills its child, waits for it and ends: milliseconds, unless the kernel holds a
// process in an uninterruptible call. Nobody waits for that longer.
constexpr double kKillPatienceS = 2.0;
constexpr double kReapPatienceS = 1.0;
constexpr int kStopLatencyMs = 200;
constexpr int kReadsOfRound = 4;  // bounded, so that a flood cannot hold the loop past its deadline

[[noreturn]] void fail(const std::string& what, int number) {
  throw PeerError("the sandbox's helper: " + what + ": " + std::generic_category().message(number));
}

struct Ends {
  FileDescriptor reader;
  FileDescriptor writer;
};

Ends make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("no pipe could be made", errno);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

Ends make_socket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    fail("no channel could be made", errno);
  }
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void make_non_blocking(const FileDescriptor& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

// A number above those the helper will use, so that no dup2 covers one still needed.
FileDescriptor lifted(int fd) {
  const int number = ::fcntl(fd, F_DUPFD_CLOEXEC, kHelper + 1);
  if (number < 0) fail("no descriptor is left", errno);
  return FileDescriptor(number);
}

int left_ms(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<int64_t>(left, 0, 60'000));
}

int64_t number_in(std::string_view text) {
  int64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

}  // namespace

Deadline deadline_in(double seconds) {
  return Clock::now() + std::chrono::duration_cast<Clock::duration>(
                            std::chrono::duration<double>(std::clamp(seconds, 0.0, 1e8)));
}

std::string Ending::description() const {
  switch (kind) {
    case Kind::exited:
      return "exited with status " + std::to_string(code);
    case Kind::signalled: {
      const char* name = ::strsignal(code);
      return "was killed by signal " + std::to_string(code) + " (" + (name ? name : "?") + ")";
    }
    case Kind::out_of_memory:
      return "was stopped: all its processes together passed the memory limit";
    case Kind::too_many:
      return "was stopped: it had more processes than it may";
    case Kind::not_started:
      return "could not be started: " + text;
    case Kind::killed:
      return "was stopped";
    case Kind::unknown:
      break;
  }
  return "ended, nobody knows how";
}

SandboxedProcess::SandboxedProcess(LaunchPlan plan, int helper, Options options)
    : options_(std::move(options)), plan_(framed(std::move(plan))) {
  Ends replies = make_pipe();
  Ends requests = make_pipe();
  Ends output = make_pipe();
  Ends errors = make_pipe();
  Ends control = make_socket();
  replies_ = std::move(replies.reader);
  requests_ = std::move(requests.writer);
  output_pipe_ = std::move(output.reader);
  error_pipe_ = std::move(errors.reader);
  control_ = std::move(control.reader);
  for (const auto* fd : {&replies_, &requests_, &output_pipe_, &error_pipe_, &control_}) {
    make_non_blocking(*fd);
  }
  const FileDescriptor program = lifted(helper);
  const FileDescriptor a = lifted(replies.writer.get());
  const FileDescriptor b = lifted(requests.reader.get());
  const FileDescriptor c = lifted(output.writer.get());
  const FileDescriptor d = lifted(errors.writer.get());
  const FileDescriptor e = lifted(control.writer.get());
  requests_reader_ = std::move(requests.reader);
  spawn(program.get(), a.get(), b.get(), c.get(), d.get(), e.get());
  // The helper is in its group before it has its plan.
  if (options_.group) options_.group->add(pid_);
}

SandboxedProcess::~SandboxedProcess() {
  kill();
  if (options_.owned_folder.empty()) return;
  std::error_code ignored;
  std::filesystem::remove_all(options_.owned_folder, ignored);
}

// posix_spawn, not fork: forking a process with gigabytes of weights and running threads is slow
// and may deadlock in the child.
void SandboxedProcess::spawn(int helper, int replies, int requests, int output, int errors,
                             int control) {
  SpawnPlan plan;
  posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&plan.actions, output, 1);
  posix_spawn_file_actions_adddup2(&plan.actions, errors, 2);
  posix_spawn_file_actions_adddup2(&plan.actions, replies, kReplies);
  posix_spawn_file_actions_adddup2(&plan.actions, requests, kRequests);
  posix_spawn_file_actions_adddup2(&plan.actions, control, kControl);
  posix_spawn_file_actions_adddup2(&plan.actions, helper, kHelper);
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, kHelper + 1);
  const std::string path = "/proc/self/fd/" + std::to_string(kHelper);
  std::string name = "gradus-sandbox";
  std::array<char*, 2> arguments{name.data(), nullptr};
  std::array<char*, 1> environment{nullptr};
  const int number = ::posix_spawn(&pid_, path.c_str(), &plan.actions, &plan.attributes,
                                   arguments.data(), environment.data());
  if (number != 0) {
    pid_ = -1;
    fail("cannot be started", number);
  }
}

void SandboxedProcess::send(std::string_view bytes) {
  unsent_.erase(0, sent_);
  sent_ = 0;
  unsent_ += bytes;
}

SandboxedProcess::Event SandboxedProcess::wait_line(std::string& line, Deadline deadline) {
  for (;;) {
    const size_t newline = received_.find('\n', searched_);
    if (newline != std::string::npos && newline <= options_.max_reply_bytes) {
      line.assign(received_, 0, newline);
      received_.erase(0, newline + 1);
      searched_ = 0;
      return Event::line;
    }
    searched_ = received_.size();
    if (received_.size() > options_.max_reply_bytes) return Event::too_long;
    if (!replies_.is_open() || !control_.is_open()) return Event::closed;
    const int wait = wait_ms(deadline);
    if (wait <= 0) return Event::timed_out;
    pump(wait);
    // What it said last may be more than one piece.
    if (!control_.is_open()) receive_all();
  }
}

bool SandboxedProcess::wait_end(Deadline deadline, bool stops_at_flood) {
  while (control_.is_open() || output_pipe_.is_open() || error_pipe_.is_open()) {
    if (stops_at_flood && is_output_cut_) return false;
    const int wait = wait_ms(deadline);
    if (wait <= 0) return false;
    pump(wait);
  }
  receive_all();
  note_lost_helper();
  reap(kReapPatienceS);
  return true;
}

// How long one round may wait; 0: the deadline has come, or a stop was requested.
int SandboxedProcess::wait_ms(Deadline deadline) const {
  if (stop_.stop_requested()) return 0;
  const int left = left_ms(deadline);
  return stop_.stop_possible() ? std::min(left, kStopLatencyMs) : left;
}

// One round of waiting, sending, receiving and draining.
void SandboxedProcess::pump(int wait_ms) {
  const auto fd_of = [](const FileDescriptor& fd) { return fd.is_open() ? fd.get() : -1; };
  const bool has_unsent = sent_ < unsent_.size();
  const bool has_plan = !plan_.empty();
  std::array<pollfd, 5> polled{
      pollfd{has_unsent ? fd_of(requests_) : -1, POLLOUT, 0}, pollfd{fd_of(replies_), POLLIN, 0},
      pollfd{fd_of(output_pipe_), POLLIN, 0}, pollfd{fd_of(error_pipe_), POLLIN, 0},
      pollfd{fd_of(control_), static_cast<short>(has_plan ? POLLIN | POLLOUT : POLLIN), 0}};
  if (::poll(polled.data(), polled.size(), wait_ms) <= 0) return;
  if (polled[2].revents != 0) drain(output_pipe_, output_, true);
  if (polled[3].revents != 0) drain(error_pipe_, error_output_, false);
  if ((polled[4].revents & POLLOUT) != 0 && has_plan) {
    const ssize_t sent = ::send(control_.get(), plan_.data(), plan_.size(), MSG_NOSIGNAL);
    if (sent > 0) plan_.erase(0, static_cast<size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) plan_.clear();
  }
  if ((polled[4].revents & (POLLIN | POLLHUP | POLLERR)) != 0) receive_report();
  if (polled[0].revents != 0) send_queued();
  if (polled[1].revents != 0) receive();
}

void SandboxedProcess::send_queued() {
  const ssize_t sent = ::write(requests_.get(), unsent_.data() + sent_, unsent_.size() - sent_);
  if (sent > 0) sent_ += static_cast<size_t>(sent);
  if (sent_ == unsent_.size()) unsent_.clear(), sent_ = 0;
}

void SandboxedProcess::receive() {
  std::array<char, 65536> bytes;
  for (int round = 0; round < kReadsOfRound && replies_.is_open(); ++round) {
    const ssize_t count = ::read(replies_.get(), bytes.data(), bytes.size());
    if (count == 0) replies_.reset();
    if (count <= 0) return;
    // Past the largest reply nothing is kept, so that no flood grows this process.
    if (received_.size() > options_.max_reply_bytes) continue;
    received_.append(bytes.data(), static_cast<size_t>(count));
  }
}

void SandboxedProcess::receive_all() {
  while (replies_.is_open() && received_.size() <= options_.max_reply_bytes) {
    const size_t before = received_.size();
    receive();
    if (received_.size() == before) return;
  }
}

// A control group that runs out of memory takes the helper along, and its report; one of version 1
// kills the largest process alone.
void SandboxedProcess::note_lost_helper() {
  const bool may_be_memory = ending_.kind == Ending::Kind::unknown ||
                             ending_.kind == Ending::Kind::killed ||
                             (ending_.kind == Ending::Kind::signalled && ending_.code == SIGKILL);
  if (!may_be_memory) return;
  if (options_.group && options_.group->ran_out_of_memory()) {
    ending_.kind = Ending::Kind::out_of_memory;
  }
}

void SandboxedProcess::receive_report() {
  std::array<char, 4096> bytes;
  const ssize_t count = ::recv(control_.get(), bytes.data(), bytes.size(), 0);
  if (count < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (count <= 0) return control_.reset();
  report_.append(bytes.data(), static_cast<size_t>(count));
  for (size_t newline; (newline = report_.find('\n')) != std::string::npos;) {
    take_report(std::string_view(report_).substr(0, newline));
    report_.erase(0, newline + 1);
  }
}

void SandboxedProcess::take_report(std::string_view line) {
  const size_t space = std::min(line.find(' '), line.size());
  const std::string_view word = line.substr(0, space);
  const std::string_view rest = space < line.size() ? line.substr(space + 1) : "";
  using Kind = Ending::Kind;
  const auto ended = [&](Kind kind) {
    // The first word stands: the init's own end follows from the program's.
    if (ending_.kind != Kind::unknown) return;
    ending_.kind = kind;
    ending_.code = static_cast<int>(number_in(rest));
    ending_.text = printable(rest, 500);
  };
  if (word == "exit") ended(Kind::exited);
  if (word == "signal") ended(Kind::signalled);
  if (word == "memory") ended(Kind::out_of_memory);
  if (word == "processes") ended(Kind::too_many);
  if (word == "warn") ending_.warning = printable(rest, 500);
  if (word == "setup") ended(Kind::not_started);
  if (word == "killed") ended(Kind::killed);
  if (word == "cpu_us") ending_.cpu_s = static_cast<double>(number_in(rest)) * 1e-6;
  if (word == "peak_kb") ending_.peak_bytes = number_in(rest) * 1024;
}

void SandboxedProcess::drain(FileDescriptor& pipe, std::string& kept, bool keeps_beginning) {
  std::array<char, 65536> bytes;
  for (int round = 0; round < kReadsOfRound && pipe.is_open(); ++round) {
    const ssize_t count = ::read(pipe.get(), bytes.data(), bytes.size());
    if (count == 0) pipe.reset();
    if (count <= 0) return;
    kept.append(bytes.data(), static_cast<size_t>(count));
    if (kept.size() <= options_.max_output_bytes) continue;
    if (keeps_beginning) {
      kept.resize(options_.max_output_bytes);
      is_output_cut_ = true;
    } else {
      kept.erase(0, kept.size() - options_.max_output_bytes);
    }
  }
}

void SandboxedProcess::reap(double patience_s) {
  const Deadline deadline = deadline_in(patience_s);
  auto pause = std::chrono::microseconds(50);
  while (pid_ > 0) {
    const pid_t ended = ::waitpid(pid_, nullptr, WNOHANG);
    if (ended == pid_ || (ended < 0 && errno == ECHILD)) pid_ = -1;
    if (pid_ < 0 || Clock::now() > deadline) return;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(5'000));
  }
}

void SandboxedProcess::kill() {
  if (pid_ <= 0) return;
  // The helper sees the end of the channel, kills the sandbox and waits for it; its report and its
  // own end follow. Not so the helper that still waits for the rest of its plan: it just ends.
  if (control_.is_open()) ::shutdown(control_.get(), SHUT_WR);
  const Deadline deadline = deadline_in(kKillPatienceS);
  while (control_.is_open()) {
    const int wait = left_ms(deadline);
    if (wait <= 0) break;
    pump(wait);
  }
  drain(error_pipe_, error_output_, false);
  note_lost_helper();
  // The init dies with the helper, and with it its namespaces.
  if (control_.is_open()) ::kill(-pid_, SIGKILL);
  reap(kReapPatienceS);
}

}  // namespace gradus::rewards::sandbox
