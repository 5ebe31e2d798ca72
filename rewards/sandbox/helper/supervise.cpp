#include "rewards/sandbox/helper/supervise.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "rewards/sandbox/helper/report.h"
#include "rewards/sandbox/helper/restrict.h"
#include "rewards/sandbox/helper/tree_watch.h"
#include "rewards/sandbox/helper/view.h"

namespace gradus::rewards::sandbox {
namespace {

constexpr uid_t kNobody = 65534;
constexpr int kLookEveryMs = 25;

// --- the program ---------------------------------------------------------------------------------

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const auto& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

int text_as_file(const std::string& text) {
  const int fd =
      static_cast<int>(::syscall(SYS_memfd_create, "input", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (fd < 0) fail_setup("memfd_create");
  for (size_t done = 0; done < text.size();) {
    const ssize_t count = ::write(fd, text.data() + done, text.size() - done);
    if (count < 0 && errno != EINTR) fail_setup("write the input");
    if (count > 0) done += static_cast<size_t>(count);
  }
  // Sealed, and opened anew for reading alone: the program must not grow a file that nobody counts.
  constexpr int kSealed = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (::fcntl(fd, F_ADD_SEALS, kSealed) != 0) fail_setup("seal the input");
  const int reader = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
  if (reader < 0) return ::lseek(fd, 0, SEEK_SET), fd;
  ::close(fd);
  return reader;
}

void place(int from, int to) {
  if (from == to) {
    ::fcntl(to, F_SETFD, 0);
  } else if (::dup2(from, to) < 0) {
    fail_setup("dup2");
  }
}

void place_descriptors(const LaunchPlan& plan, int input) {
  if (plan.input == Input::requests) place(kRequests, 0);
  if (plan.input == Input::text) place(input, 0);
  if (plan.replies_on_output) place(kReplies, 1);
  if (plan.input == Input::requests) ::close(kRequests);
  // kControl stays until exec, so that a failure before it can be told.
  for (int fd = kControl; fd < 64; ++fd) ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  ::syscall(SYS_close_range, 64U, ~0U, 0U);
}

void reset_signals() {
  for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

[[noreturn]] void become_program(const LaunchPlan& plan, const Identity& identity, int input) {
  ::setsid();
  ::umask(022);
  if (::chdir(plan.scratch.c_str()) != 0) fail_setup("chdir " + plan.scratch);
  place_descriptors(plan, input);
  reset_signals();
  const auto arguments = pointers(plan.command);
  const auto environment = pointers(plan.environment);
  restrict_self(plan, identity);
  if (plan.runs_helper) {
    ::syscall(SYS_execveat, kHelper, "", arguments.data(), environment.data(), AT_EMPTY_PATH);
  } else {
    ::execve(arguments[0], arguments.data(), environment.data());
  }
  fail_setup("start " + plan.command.front());
}

pid_t start_program(const LaunchPlan& plan, const Identity& identity, int input) {
  const pid_t pid = ::fork();
  if (pid < 0) fail_setup("fork");
  if (pid == 0) become_program(plan, identity, input);
  for (const int fd : {input, kHelper, 0, 1, 2, kRequests}) {
    if (fd >= 0) ::close(fd);
  }
  return pid;
}

// --- the init ------------------------------------------------------------------------------------

void copy_out(const LaunchPlan& plan) {
  if (plan.collect.empty()) return;
  const int fd = ::open(plan.collect.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  struct stat info {};
  if (fd < 0 || ::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) return;
  if (static_cast<uint64_t>(info.st_size) > plan.collect_bytes) return;
  std::array<char, 65536> bytes;
  for (uint64_t left = plan.collect_bytes; left > 0;) {
    const ssize_t count = ::read(fd, bytes.data(), std::min<uint64_t>(left, bytes.size()));
    if (count <= 0) break;
    for (ssize_t done = 0; done < count;) {
      const ssize_t written =
          ::write(kReplies, bytes.data() + done, static_cast<size_t>(count - done));
      if (written < 0 && errno != EINTR) return;
      if (written > 0) done += written;
    }
    left -= static_cast<uint64_t>(count);
  }
}

/// Tells what the tree was stopped for; false: it is within its limits.
bool is_stopped(TreeWatch::Finding finding) {
  if (finding == TreeWatch::Finding::memory) report("memory");
  if (finding == TreeWatch::Finding::processes) report("processes");
  return finding != TreeWatch::Finding::within;
}

/// Reaps until the program has ended; false: stopped at a limit of the tree.
bool wait_for_program(pid_t program, const TreeWatch& watch, int* status, rusage* usage) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  for (;;) {
    for (;;) {
      const pid_t ended = ::wait4(-1, status, WNOHANG, usage);
      if (ended == program) return true;
      if (ended <= 0) break;
    }
    const timespec pause{0, kLookEveryMs * 1'000'000L};
    ::sigtimedwait(&child, nullptr, &pause);
    if (is_stopped(watch.look())) return false;
  }
}

[[noreturn]] void run_init(const LaunchPlan& plan, const Identity& identity, int input) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  build_view(plan);
  ::prctl(PR_SET_DUMPABLE, 0);
  (void)!::sethostname("sandbox", 7);
  const TreeWatch watch(plan);
  const pid_t program = start_program(plan, identity, input);
  int status = 0;
  rusage usage{};
  if (wait_for_program(program, watch, &status, &usage)) {
    ::kill(-1, SIGKILL);  // nothing may change the file that is copied out, nor outlive the report
    copy_out(plan);
    report_end(status, usage);
  }
  ::_exit(0);
}

// --- the helper ----------------------------------------------------------------------------------

bool write_file(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_done = ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int number = errno;
  ::close(fd);
  errno = number;
  return is_done;
}

std::string read_text(const char* path) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  std::array<char, 8192> bytes;
  const ssize_t count = fd < 0 ? 0 : ::read(fd, bytes.data(), bytes.size());
  if (fd >= 0) ::close(fd);
  return count > 0 ? std::string(bytes.data(), static_cast<size_t>(count)) : "";
}

/// Our ids map to themselves: "inside outside count" becomes "inside inside count".
std::string identity_map(const std::string& ours, bool* holds_nobody) {
  std::string map;
  const char* at = ours.c_str();
  for (;;) {
    char* end = nullptr;
    const unsigned long long inside = std::strtoull(at, &end, 10);
    if (end == at) return map;
    std::strtoull(end, &end, 10);
    const unsigned long long count = std::strtoull(end, &end, 10);
    at = end;
    const std::string first = std::to_string(inside);
    map += first + " " + first + " " + std::to_string(count) + "\n";
    if (inside <= kNobody && kNobody < inside + count) *holds_nobody = true;
  }
}

/// Maps users of the child's namespace. Root keeps every id, so that the program can be another
/// user than root: the kernel does not count root's processes (RLIMIT_NPROC). Others have one id.
Identity map_users(pid_t child) {
  const std::string folder = "/proc/" + std::to_string(child) + "/";
  const Identity own{::geteuid(), ::getegid(), false};
  if (own.uid == 0) {
    bool has_nobody = false;
    bool has_nogroup = false;
    const std::string users = identity_map(read_text("/proc/self/uid_map"), &has_nobody);
    const std::string groups = identity_map(read_text("/proc/self/gid_map"), &has_nogroup);
    if (has_nobody && has_nogroup && write_file(folder + "uid_map", users) &&
        write_file(folder + "gid_map", groups)) {
      return {kNobody, kNobody, true};
    }
  }
  const auto single = [](uint32_t id) {
    return std::to_string(id) + " " + std::to_string(id) + " 1\n";
  };
  if (!write_file(folder + "setgroups", "deny") ||
      !write_file(folder + "uid_map", single(own.uid)) ||
      !write_file(folder + "gid_map", single(own.gid))) {
    const int number = errno;
    ::kill(child, SIGKILL);
    fail_setup("map users into the namespace", number);
  }
  return own;
}

/// @param watch  looked at meanwhile, and ends the wait; null: others look.
void wait_for_child_or_owner(int pidfd, const TreeWatch* watch) {
  std::array<pollfd, 2> polled{pollfd{kControl, POLLRDHUP, 0}, pollfd{pidfd, POLLIN, 0}};
  for (;;) {
    const int ready = ::poll(polled.data(), polled.size(), watch == nullptr ? -1 : kLookEveryMs);
    if (ready > 0) return;
    if (watch != nullptr && is_stopped(watch->look())) return;
  }
}

void supervise_namespaces(const LaunchPlan& plan, int input) {
  std::array<int, 2> go;
  if (::pipe2(go.data(), O_CLOEXEC) != 0) fail_setup("pipe");
  int flags = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS |
              CLONE_NEWCGROUP | CLONE_PIDFD;
  if (!plan.has_network) flags |= CLONE_NEWNET;
  int pidfd = -1;
  const long child = ::syscall(SYS_clone, flags | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (child < 0) fail_setup("make namespaces");
  Identity identity;
  if (child == 0) {
    ::close(go[1]);
    if (::read(go[0], &identity, sizeof(identity)) != sizeof(identity)) ::_exit(125);
    ::close(go[0]);
    run_init(plan, identity, input);
  }
  ::close(go[0]);
  identity = map_users(static_cast<pid_t>(child));
  ::prctl(PR_SET_DUMPABLE, 0);
  if (::write(go[1], &identity, sizeof(identity)) != sizeof(identity)) fail_setup("start the init");
  ::close(go[1]);
  for (const int fd : {0, 1, 2, kReplies, kRequests}) ::close(fd);
  wait_for_child_or_owner(pidfd, nullptr);
  ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  siginfo_t info{};
  ::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd), &info, WEXITED);
  if (info.si_code != CLD_EXITED) report("killed");
}

// Orphans come to us (subreaper), so our children are all there is once their parents are dead.
void kill_descendants() {
  for (int round = 0; round < 10'000; ++round) {
    bool found = false;
    const std::string list = "/proc/self/task/" + std::to_string(::getpid()) + "/children";
    const std::string children = read_text(list.c_str());
    for (const char* at = children.c_str();;) {
      char* end = nullptr;
      const long pid = std::strtol(at, &end, 10);
      if (end == at) break;
      at = end;
      found = true;
      ::kill(static_cast<pid_t>(pid), SIGKILL);
    }
    if (!found && ::waitpid(-1, nullptr, WNOHANG) < 0) return;
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    ::usleep(500);
  }
}

/// Nobody in place of root, where our namespace has such a user.
Identity without_root() {
  const Identity own{::geteuid(), ::getegid(), false};
  bool has_nobody = false;
  bool has_nogroup = false;
  identity_map(read_text("/proc/self/uid_map"), &has_nobody);
  identity_map(read_text("/proc/self/gid_map"), &has_nogroup);
  if (own.uid != 0 || !has_nobody || !has_nogroup) return own;
  return {kNobody, kNobody, true};
}

void supervise_process(const LaunchPlan& plan, int input) {
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const Identity identity = without_root();
  if (identity.changes) (void)!::chown(plan.scratch.c_str(), identity.uid, identity.gid);
  const TreeWatch watch(plan);
  const pid_t program = start_program(plan, identity, input);
  ::prctl(PR_SET_DUMPABLE, 0);
  const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, program, 0));
  if (pidfd < 0) fail_setup("pidfd_open");
  wait_for_child_or_owner(pidfd, &watch);
  int status = 0;
  rusage usage{};
  const bool has_ended = ::wait4(program, &status, WNOHANG, &usage) == program;
  kill_descendants();
  copy_out(plan);
  if (has_ended) report_end(status, usage);
}

}  // namespace

void supervise(const LaunchPlan& plan) {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  ::sigprocmask(SIG_BLOCK, &child, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  const int input = plan.input == Input::text ? text_as_file(plan.input_text) : -1;
  if (plan.rung == Rung::namespaces) {
    supervise_namespaces(plan, input);
  } else {
    supervise_process(plan, input);
  }
}

}  // namespace gradus::rewards::sandbox
