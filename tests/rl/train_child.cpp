// A run in a process of its own, that can be made to die or to meet a full disk at its k-th file
// operation or after some time, for tests/rl/run/resume_test.cpp.
//
//   train_child train RECIPE | resume RUN [--kill-at-call K | --full-at-call K | --kill-after-ms T]
//                                         [--stop-at-event K] [--set key=value]...
//
// Prints the number of file operations of the whole run. Exit code 0: finished, 3: stopped, 1:
// error.
#include <ATen/Parallel.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "rl/recipe/load.h"
#include "rl/recipe/train.h"

namespace {

// Reached from the system calls below, which have no other way to know.
std::atomic<long> num_calls{0};  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
long kill_at = -1;               // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
long full_at = -1;               // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

/// True: the call fails for want of space, as do all later ones.
bool meet_fault() {
  const long call = ++num_calls;
  if (call == kill_at) ::kill(::getpid(), SIGKILL);
  return full_at >= 0 && call >= full_at;
}

}  // namespace

// These take the C library's place in this program. Only what a run writes is counted.
extern "C" ssize_t write(int fd, const void* bytes, size_t count) {
  if (fd > 2 && meet_fault()) {
    errno = ENOSPC;
    return -1;
  }
  return ::syscall(SYS_write, fd, bytes, count);
}
extern "C" int fsync(int fd) {
  if (meet_fault()) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_fsync, fd));
}
extern "C" int rename(const char* from, const char* to) noexcept {
  if (meet_fault()) {
    errno = ENOSPC;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

namespace {

class Watcher final : public gradus::rl::RunObserver {
 public:
  Watcher(long stop_at, std::stop_source stop) : stop_at_(stop_at), stop_(std::move(stop)) {}
  void on_phase(int64_t, const std::string&) override { count(); }
  void on_progress(int64_t, int64_t) override { count(); }
  void on_step(const gradus::rl::MetricsRecord&) override { count(); }
  void on_warning(const std::string& message) override {
    std::fprintf(stderr, "warning: %s\n", message.c_str());
  }

 private:
  void count() {
    if (++num_events_ == stop_at_) stop_.request_stop();
  }
  long stop_at_;
  std::stop_source stop_;
  std::atomic<long> num_events_{0};
};

struct Arguments {
  std::string mode;
  std::string path;
  long kill_after_ms = -1;
  long stop_at_event = -1;
  std::vector<std::string> assignments;
};

Arguments parse(int argc, char** argv) {
  Arguments arguments{argv[1], argv[2], -1, -1, {}};
  for (int i = 3; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const std::string value = argv[i + 1];
    if (name == "--kill-at-call") kill_at = std::stol(value);
    if (name == "--full-at-call") full_at = std::stol(value);
    if (name == "--kill-after-ms") arguments.kill_after_ms = std::stol(value);
    if (name == "--stop-at-event") arguments.stop_at_event = std::stol(value);
    if (name == "--set") arguments.assignments.push_back(value);
  }
  return arguments;
}

gradus::rl::RunOutcome go(const Arguments& arguments,
                          const gradus::rl::RunEnvironment& environment) {
  if (arguments.mode == "resume")
    return gradus::rl::resume(arguments.path, {arguments.assignments, false}, environment);
  return gradus::rl::train(gradus::rl::load_run_config(arguments.path, arguments.assignments),
                           environment);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const Arguments arguments = parse(argc, argv);
  if (arguments.kill_after_ms >= 0)
    std::thread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(arguments.kill_after_ms));
      ::kill(::getpid(), SIGKILL);
    }).detach();
  const std::stop_source stop;
  Watcher watcher(arguments.stop_at_event, stop);
  at::set_num_threads(1);
  const gradus::SteadyClock clock;
  try {
    const auto outcome = go(arguments, {watcher, stop.get_token(), clock});
    std::printf("%ld\n", num_calls.load());
    return outcome.phase == gradus::rl::RunPhase::finished ? 0 : 3;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
