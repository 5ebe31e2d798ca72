#include "base/process/process.h"

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
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include "base/error.h"
#include "base/printable.h"
#include "base/process/spawn_plan.h"

namespace gradus {
namespace {

using SteadyTime = std::chrono::steady_clock;

// A killed child can stay for a while in an uninterruptible call; nobody waits for it longer.
constexpr double kReapPatienceS = 1.0;

[[noreturn]] void fail(const ProcessConfig& config, const std::string& what, int number) {
  const std::string program = config.command.empty() ? "(no program)" : config.command.front();
  throw PeerError(printable(program, 200) + ": " + what + ": " +
                  std::generic_category().message(number));
}

struct Ends {
  FileDescriptor ours;
  FileDescriptor theirs;
};

Ends make_socket(const ProcessConfig& config) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    fail(config, "no channel could be made", errno);
  }
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

Ends make_pipe(const ProcessConfig& config) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail(config, "no pipe could be made", errno);
  return {FileDescriptor(ends[0]), FileDescriptor(ends[1])};
}

void make_non_blocking(const FileDescriptor& fd) {
  ::fcntl(fd.get(), F_SETFL, ::fcntl(fd.get(), F_GETFL) | O_NONBLOCK);
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

ChildProcess::ChildProcess(ProcessConfig config) : config_(std::move(config)) {
  if (config_.command.empty()) throw ArgumentError("ChildProcess: the command is empty");
  Ends channel = make_socket(config_);
  Ends output = make_pipe(config_);
  Ends errors = make_pipe(config_);
  channel_ = std::move(channel.ours);
  output_ = std::move(output.ours);
  errors_ = std::move(errors.ours);
  for (const auto* fd : {&channel_, &output_, &errors_}) make_non_blocking(*fd);
  // Numbers above those the child will use, so that no dup2 covers one still needed.
  const auto lifted = [&](const FileDescriptor& fd) {
    const int number = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, kChannel + 1);
    if (number < 0) fail(config_, "no descriptor is left", errno);
    return FileDescriptor(number);
  };
  const FileDescriptor their_channel = lifted(channel.theirs);
  const FileDescriptor their_output = lifted(output.theirs);
  const FileDescriptor their_errors = lifted(errors.theirs);
  spawn(their_channel.get(), their_output.get(), their_errors.get());
}

ChildProcess::~ChildProcess() {
  kill();
}

// posix_spawn, not fork: forking a process with gigabytes of weights and running threads is slow
// and may deadlock in the child.
void ChildProcess::spawn(int channel, int output, int errors) {
  SpawnPlan plan;
  posix_spawn_file_actions_addopen(&plan.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&plan.actions, output, 1);
  posix_spawn_file_actions_adddup2(&plan.actions, errors, 2);
  posix_spawn_file_actions_adddup2(&plan.actions, channel, kChannel);
  posix_spawn_file_actions_addclosefrom_np(&plan.actions, kChannel + 1);
  std::vector<std::string> environment;
  for (const auto& [name, value] : config_.environment) environment.push_back(name + "=" + value);
  const int number =
      ::posix_spawnp(&pid_, config_.command.front().c_str(), &plan.actions, &plan.attributes,
                     pointers(config_.command).data(), pointers(environment).data());
  if (number != 0) {
    pid_ = -1;
    fail(config_, "cannot be started", number);
  }
}

Exchange ChildProcess::exchange(std::string_view request, double timeout_s) {
  std::string line(request);
  line += '\n';
  std::string_view unsent = line;
  std::string received;
  const auto deadline =
      SteadyTime::now() + std::chrono::duration_cast<SteadyTime::duration>(
                              std::chrono::duration<double>(std::clamp(timeout_s, 0.0, 1e8)));
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - SteadyTime::now());
    if (left.count() <= 0) return {ExchangeOutcome::timed_out, {}};
    const auto wait = std::min<int64_t>(left.count(), 60'000);
    const bool is_open = pump(unsent, received, static_cast<int>(wait));
    const auto newline = received.find('\n');
    if (newline != std::string::npos) {
      if (newline + 1 != received.size()) return {ExchangeOutcome::too_long, {}};
      received.pop_back();
      return {ExchangeOutcome::replied, std::move(received)};
    }
    if (received.size() > config_.max_reply_bytes) return {ExchangeOutcome::too_long, {}};
    if (!is_open) return {ExchangeOutcome::closed, {}};
  }
}

// One round of waiting, sending, receiving and draining; false when the channel has closed.
bool ChildProcess::pump(std::string_view& unsent, std::string& received, int wait_ms) {
  const auto events = static_cast<short>(unsent.empty() ? POLLIN : POLLIN | POLLOUT);
  std::array<pollfd, 3> polled{pollfd{channel_.get(), events, 0}, pollfd{output_.get(), POLLIN, 0},
                               pollfd{errors_.get(), POLLIN, 0}};
  if (::poll(polled.data(), polled.size(), wait_ms) < 0) return errno == EINTR;
  if (polled[1].revents != 0) drain(output_, nullptr);
  if (polled[2].revents != 0) drain(errors_, &error_output_);
  if ((polled[0].revents & POLLOUT) != 0 && !unsent.empty()) {
    // MSG_NOSIGNAL: a child that died must not end us with SIGPIPE.
    const ssize_t sent = ::send(channel_.get(), unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent > 0) unsent.remove_prefix(static_cast<size_t>(sent));
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return false;
  }
  if ((polled[0].revents & (POLLIN | POLLHUP | POLLERR)) == 0) return true;
  std::array<char, 65536> bytes;
  const ssize_t count = ::recv(channel_.get(), bytes.data(), bytes.size(), 0);
  if (count > 0) received.append(bytes.data(), static_cast<size_t>(count));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

// Reads a bounded amount, so that a flood cannot hold the loop past its deadline.
void ChildProcess::drain(FileDescriptor& pipe, std::string* kept) {
  std::array<char, 65536> bytes;
  for (int round = 0; round < 4 && pipe.is_open(); ++round) {
    const ssize_t count = ::read(pipe.get(), bytes.data(), bytes.size());
    if (count == 0) pipe.reset();
    if (count <= 0) return;
    if (kept == nullptr) continue;
    kept->append(bytes.data(), static_cast<size_t>(count));
    if (kept->size() > config_.max_output_bytes) {
      kept->erase(0, kept->size() - config_.max_output_bytes);
    }
  }
}

// The child is looked at without being reaped: until then its number, which is that of its group,
// cannot be given to another process.
bool ChildProcess::is_running() {
  if (pid_ <= 0 || is_reaped_) return false;
  siginfo_t info{};
  if (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
    return errno != ECHILD;
  }
  return info.si_pid == 0;
}

bool ChildProcess::wait_for_end(double timeout_s) {
  const auto deadline = SteadyTime::now() + std::chrono::duration<double>(timeout_s);
  auto pause = std::chrono::microseconds(100);
  while (is_running()) {
    if (SteadyTime::now() > deadline) return false;
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, std::chrono::microseconds(10'000));
  }
  return true;
}

void ChildProcess::reap() {
  if (!wait_for_end(kReapPatienceS)) return;
  ::waitpid(pid_, &wait_status_, WNOHANG);
  is_reaped_ = true;
}

void ChildProcess::kill() {
  if (pid_ <= 0 || is_reaped_) return;
  ::kill(-pid_, SIGKILL);
  reap();
  drain(errors_, &error_output_);
}

std::string ChildProcess::status_text() const {
  if (!is_reaped_) return "is running";
  if (WIFEXITED(wait_status_)) {
    return "exited with status " + std::to_string(WEXITSTATUS(wait_status_));
  }
  const int number = WTERMSIG(wait_status_);
  const char* name = ::strsignal(number);
  return "was killed by signal " + std::to_string(number) + " (" + (name ? name : "?") + ")";
}

}  // namespace gradus
