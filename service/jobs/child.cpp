#include "service/jobs/child.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>

#include "base/error.h"

namespace gradus::service {
namespace {

/// What of the environment a training process needs; keys and the like stay here.
std::vector<std::string> child_environment() {
  std::vector<std::string> kept;
  for (const char* name : {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "TZ", "LD_LIBRARY_PATH",
                           "HF_HOME", "OMP_NUM_THREADS"}) {
    if (const char* value = std::getenv(name)) kept.push_back(std::string(name) + "=" + value);
  }
  return kept;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (auto& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// In the child, between fork and exec: system calls alone.
[[noreturn]] void become(const char* program, char* const* arguments, char* const* environment,
                         int log, int null, pid_t parent, int priority) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);
  ::setpgid(0, 0);
  ::setpriority(PRIO_PROCESS, 0, priority);
  ::dup2(null, STDIN_FILENO);
  ::dup2(null, STDOUT_FILENO);
  ::dup2(log, STDERR_FILENO);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGPIPE, SIGCHLD})
    ::signal(number, SIG_DFL);
  ::execve(program, arguments, environment);
  ::_exit(127);
}

}  // namespace

Child::Child(const std::vector<std::string>& arguments, const std::filesystem::path& log,
             int priority) {
  std::array<char, 4096> program{};
  const ssize_t length = ::readlink("/proc/self/exe", program.data(), program.size() - 1);
  if (length <= 0) throw PeerError("the program's own path cannot be found");
  std::vector<std::string> words{program.data()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto environment = child_environment();
  const auto word_pointers = pointers_to(words);
  const auto environment_pointers = pointers_to(environment);
  const int log_fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int null_fd = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const pid_t parent = ::getpid();
  pid_ = log_fd < 0 || null_fd < 0 ? -1 : ::fork();
  if (pid_ == 0) {
    become(program.data(), word_pointers.data(), environment_pointers.data(), log_fd, null_fd,
           parent, priority);
  }
  const int fault = errno;
  if (log_fd >= 0) ::close(log_fd);
  if (null_fd >= 0) ::close(null_fd);
  if (pid_ < 0)
    throw PeerError(std::string("a training process cannot be started: ") + std::strerror(fault));
}

Child::~Child() {
  if (poll()) return;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<ChildEnd> Child::poll() {
  if (end_) return end_;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return std::nullopt;
  end_ = ended < 0             ? ChildEnd{-1, SIGKILL}
         : WIFSIGNALED(status) ? ChildEnd{-1, WTERMSIG(status)}
                               : ChildEnd{WEXITSTATUS(status), 0};
  return end_;
}

void Child::signal(int number) const {
  ::kill(pid_, number);
}

}  // namespace gradus::service
