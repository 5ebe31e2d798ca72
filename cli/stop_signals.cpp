#include "cli/stop_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace gradus::cli {
namespace {

constexpr char kQuit = 'q';
constexpr char kSignal = 's';

// A handler has no other way to reach us.
volatile sig_atomic_t write_end = -1;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

void tell(char what) {
  const int saved = errno;
  // A full pipe means that a stop is on its way already.
  [[maybe_unused]] const auto written = ::write(write_end, &what, 1);
  errno = saved;
}

extern "C" void on_stop_signal(int number) {
  tell(kSignal);
  // The handler is gone after the first signal (SA_RESETHAND): the next one has its usual effect.
  (void)number;
}

void install() {
  struct sigaction action {};
  action.sa_handler = on_stop_signal;
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

}  // namespace

StopSignals::StopSignals() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Error("no pipe for signals: too many open files");
  read_end_ = ends[0];
  write_end = ends[1];
  watcher_ = std::thread([this] { watch(read_end_); });
  install();
}

StopSignals::~StopSignals() {
  tell(kQuit);
  watcher_.join();
  ::signal(SIGINT, SIG_DFL);
  ::signal(SIGTERM, SIG_DFL);
  ::close(write_end);
  ::close(read_end_);
}

void StopSignals::watch(int read_end) {
  for (char what = 0;;) {
    const auto count = ::read(read_end, &what, 1);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0 || what == kQuit) return;
    source_.request_stop();
  }
}

}  // namespace gradus::cli
