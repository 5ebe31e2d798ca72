#include "rewards/sandbox/helper/report.h"

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {

void report(const std::string& line) {
  const std::string text = line + "\n";
  (void)!::send(kControl, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
}

void fail_setup(const std::string& what) {
  fail_setup(what, errno);
}

void fail_setup(const std::string& what, int number) {
  report("setup " + what + ": " + std::strerror(number));
  ::_exit(125);
}

void report_end(int wait_status, const rusage& usage) {
  const auto micros = [](const timeval& t) { return t.tv_sec * 1'000'000 + t.tv_usec; };
  report("cpu_us " + std::to_string(micros(usage.ru_utime) + micros(usage.ru_stime)));
  report("peak_kb " + std::to_string(usage.ru_maxrss));
  if (WIFEXITED(wait_status)) {
    report("exit " + std::to_string(WEXITSTATUS(wait_status)));
  } else {
    report("signal " + std::to_string(WTERMSIG(wait_status)));
  }
}

}  // namespace gradus::rewards::sandbox
