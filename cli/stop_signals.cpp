#include "cli/stop_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/error.h"
#include "base/thread_start.h"

namespace gradus::cli {
namespace {

constexpr char kQuit = 'q';
constexpr char kStop = 's';
constexpr char kSave = 'c';
constexpr char kInterrupt = 'i';

constexpr int kFirmSignals[] = {SIGINT, SIGTERM};             // the second one has its usual effect
constexpr int kGentleSignals[] = {SIGHUP, SIGUSR1, SIGXCPU};  // they may come again and again

// A handler has no other way to reach us.
volatile sig_atomic_t write_end = -1;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void tell(char what) {
  const int saved = errno;
  // A full pipe means that a stop is on its way already.
  [[maybe_unused]] const auto written = ::write(write_end, &what, 1);
  errno = saved;
}

extern "C" void on_stop_signal(int number) {
  tell(number == SIGUSR2 ? kSave : number == SIGINT ? kInterrupt : kStop);
}

void handle(int number, int flags) {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART | flags;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
}

bool is_ignored(int number) {
  struct sigaction action {};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

void install() {
  for (const int number : kFirmSignals) handle(number, SA_RESETHAND);
  for (const int number : kGentleSignals)
    if (number != SIGHUP || !is_ignored(number)) handle(number, 0);
  handle(SIGUSR2, 0);
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

StopSignals::StopSignals() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("no pipe for signals: too many open files");
  read_end_ = ends[0];
  write_end = ends[1];
  start_threads(
      "signals", 1, [this] { watcher_ = std::thread([this] { watch(read_end_); }); },
      [] { return 0; });
  install();
}

StopSignals::~StopSignals() {
  tell(kQuit);
  watcher_.join();
  for (const int number : kFirmSignals) ::signal(number, SIG_DFL);
  for (const int number : kGentleSignals)
    if (!is_ignored(number)) ::signal(number, SIG_DFL);
  ::signal(SIGUSR2, SIG_DFL);
  ::close(write_end);
  ::close(read_end_);
}

void StopSignals::watch(int read_end) {
  for (char what = 0;;) {
    const auto count = ::read(read_end, &what, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || what == kQuit) return;
    if (what == kSave)
      wants_checkpoint_ = true;
    else if (what == kInterrupt)
      act_on_interrupt();
    else
      source_.request_stop();
  }
}

void StopSignals::on_interrupt(std::function<void()> action) {
  const std::lock_guard lock(mutex_);
  handle(SIGINT, action ? 0 : SA_RESETHAND);
  interrupt_ = std::move(action);
}

void StopSignals::act_on_interrupt() {
  const std::lock_guard lock(mutex_);
  if (interrupt_)
    interrupt_();
  else
    source_.request_stop();
}

void open_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd) {
    if (::fcntl(fd, F_GETFD) >= 0) continue;
    // The lowest free number is the one that is missing.
    [[maybe_unused]] const int opened = ::open("/dev/null", fd == 0 ? O_RDONLY : O_WRONLY);
  }
}

}  // namespace gradus::cli
