#include "rewards/sandbox/helper/restrict.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <iterator>
#include <system_error>

#include "rewards/sandbox/helper/report.h"

namespace gradus::rewards::sandbox {
namespace {

void limit(__rlimit_resource which, uint64_t value, uint64_t hard) {
  rlimit old{};
  ::getrlimit(which, &old);
  rlimit wanted{std::min<rlim_t>(value, old.rlim_max), std::min<rlim_t>(hard, old.rlim_max)};
  if (::setrlimit(which, &wanted) != 0) fail_setup("setrlimit " + std::to_string(which));
}

void limit(__rlimit_resource which, uint64_t value) {
  limit(which, value, value);
}

/// Threads that run as `uid` now, as far as /proc tells.
uint64_t num_tasks_of(uid_t uid) {
  uint64_t count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    struct stat status {};
    const char first = entry.path().filename().c_str()[0];
    if (first < '0' || first > '9' || ::stat(entry.path().c_str(), &status) != 0) continue;
    if (status.st_uid != uid) continue;
    const std::filesystem::directory_iterator tasks(entry.path() / "task", ignored);
    count += static_cast<uint64_t>(std::distance(begin(tasks), end(tasks)));
  }
  return count;
}

/// The kernel counts all processes of a user; without a user namespace that is others' too.
uint64_t most_processes(const LaunchPlan& plan, const Identity& identity) {
  if (plan.rung == Rung::namespaces) return plan.num_processes;
  return plan.num_processes + num_tasks_of(identity.uid);
}

void apply_limits(const LaunchPlan& plan, const Identity& identity) {
  // One byte, not none: at none the kernel still starts the machine's handler of dumps, if it has
  // one.
  limit(RLIMIT_CORE, 1);
  limit(RLIMIT_MSGQUEUE, 0);
  limit(RLIMIT_RTPRIO, 0);
  limit(RLIMIT_MEMLOCK, 1 << 20);
  limit(RLIMIT_SIGPENDING, 1024);
  if (plan.file_bytes > 0) limit(RLIMIT_FSIZE, plan.file_bytes);
  if (plan.num_open_files > 0) limit(RLIMIT_NOFILE, plan.num_open_files);
  if (plan.num_processes > 0) limit(RLIMIT_NPROC, most_processes(plan, identity));
  if (plan.stack_bytes > 0) limit(RLIMIT_STACK, plan.stack_bytes);
  if (plan.address_space_bytes > 0) {
    limit(RLIMIT_AS, plan.address_space_bytes);
    limit(RLIMIT_DATA, plan.address_space_bytes);
  }
  // One second between the signal that a program may report and the one it cannot escape.
  if (plan.cpu_s > 0) limit(RLIMIT_CPU, plan.cpu_s, plan.cpu_s + 1);
}

void become(const Identity& identity) {
  if (!identity.changes) return;
  // Kept over the change of user only so that the next step can choose; it drops them.
  if (::prctl(PR_SET_KEEPCAPS, 1) != 0) fail_setup("keep capabilities");
  if (::setgroups(0, nullptr) != 0 || ::setresgid(identity.gid, identity.gid, identity.gid) != 0 ||
      ::setresuid(identity.uid, identity.uid, identity.uid) != 0) {
    fail_setup("change the user");
  }
}

// What no program started later can get back. A user without the right to drop these has none.
void drop_bounding_set(bool keeps_read) {
  for (int capability = 0; capability <= 63; ++capability) {
    if (keeps_read && capability == CAP_DAC_READ_SEARCH) continue;
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0 && errno == EINVAL) break;
  }
}

void drop_capabilities(bool keeps_read) {
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (keeps_read) {
    const uint32_t bit = 1U << CAP_DAC_READ_SEARCH;
    data[0] = {bit, bit, bit};
  }
  if (::syscall(SYS_capset, &header, data) != 0) fail_setup("drop capabilities");
  if (keeps_read && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_READ_SEARCH, 0, 0) != 0) {
    fail_setup("keep the capability to read");
  }
}

/// linux/landlock.h of the build machine may be older than the running kernel: the newest form is
/// spelled out here and cut to what the kernel knows.
struct LandlockRuleset {
  uint64_t files = 0;
  uint64_t network = 0;  // from ABI 4
  uint64_t scopes = 0;   // from ABI 6
};

constexpr uint64_t kExecute = 1ULL << 0, kReadFile = 1ULL << 2, kReadFolder = 1ULL << 3;
constexpr uint64_t kRefer = 1ULL << 13, kTruncate = 1ULL << 14, kDeviceControl = 1ULL << 15;
constexpr uint64_t kBindAndConnect = 3;
constexpr uint64_t kAbstractSocketsAndSignals = 3;

LandlockRuleset rules_of(long abi, bool has_network) {
  LandlockRuleset rules;
  rules.files = (1ULL << 13) - 1;
  if (abi >= 2) rules.files |= kRefer;
  if (abi >= 3) rules.files |= kTruncate;
  if (abi >= 5) rules.files |= kDeviceControl;
  if (abi >= 4 && !has_network) rules.network = kBindAndConnect;
  if (abi >= 6) rules.scopes = kAbstractSocketsAndSignals;
  return rules;
}

void allow(int ruleset, const std::string& path, uint64_t rights) {
  landlock_path_beneath_attr rule{};
  rule.parent_fd = ::open(path.c_str(), O_PATH | O_CLOEXEC);
  if (rule.parent_fd < 0) return;  // what is not there needs no right
  constexpr uint64_t kForFiles = kExecute | (1ULL << 1) | kReadFile | kTruncate | kDeviceControl;
  const int probe = ::open(path.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  rule.allowed_access = probe >= 0 ? rights : rights & kForFiles;
  if (probe >= 0) ::close(probe);
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0) {
    fail_setup("landlock " + path);
  }
  ::close(rule.parent_fd);
}

// In namespaces a second wall behind the view; without them the only one for files.
void apply_landlock(const LaunchPlan& plan) {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (abi < 1) {
    if (plan.rung == Rung::landlock) fail_setup("landlock");
    return;
  }
  const LandlockRuleset rules = rules_of(abi, plan.has_network);
  const size_t size = abi >= 6 ? 24 : (abi >= 4 ? 16 : 8);
  const int ruleset = static_cast<int>(::syscall(SYS_landlock_create_ruleset, &rules, size, 0));
  if (ruleset < 0) fail_setup("landlock_create_ruleset");
  const uint64_t read = kExecute | kReadFile | kReadFolder;
  const uint64_t all = rules.files;
  if (plan.rung == Rung::namespaces) {
    allow(ruleset, "/", read);
  } else {
    for (const Bind& bind : plan.binds) {
      if (!bind.is_device) allow(ruleset, bind.target, read);
    }
  }
  for (const char* device : {"/dev/null", "/dev/full", "/dev/random", "/dev/urandom"}) {
    allow(ruleset, device, all);
  }
  // The machine's own gives shared memory that belongs to nobody.
  if (plan.rung == Rung::namespaces) allow(ruleset, "/dev/zero", all);
  allow(ruleset, plan.scratch, all);
  if (::syscall(SYS_landlock_restrict_self, ruleset, 0) != 0) fail_setup("landlock_restrict_self");
  ::close(ruleset);
}

void load_filter(sock_filter* instructions, size_t count) {
  const sock_fprog program{static_cast<unsigned short>(count), instructions};
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) fail_setup("seccomp");
}

// Without a PID namespace every process of the user is in reach, and kill(-1) would end them all:
// the program may signal itself and no one else.
void confine_signals() {
  const auto self = static_cast<uint32_t>(::getpid());
  const auto deny = static_cast<uint32_t>(SECCOMP_RET_ERRNO | EPERM);
  const auto number = static_cast<uint32_t>(offsetof(seccomp_data, nr));
  const auto first = static_cast<uint32_t>(offsetof(seccomp_data, args));
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_kill, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tgkill, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_tkill, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigqueueinfo, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_tgsigqueueinfo, 4, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_pidfd_send_signal, 3, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, first),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, self, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, deny),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  load_filter(filter, sizeof(filter) / sizeof(filter[0]));
}

void apply_seccomp(const LaunchPlan& plan) {
  if (plan.seccomp.empty()) return;
  if (plan.rung != Rung::namespaces) confine_signals();
  std::string bytes = plan.seccomp;
  load_filter(reinterpret_cast<sock_filter*>(bytes.data()), bytes.size() / sizeof(sock_filter));
}

}  // namespace

void restrict_self(const LaunchPlan& plan, const Identity& identity) {
  const bool keeps_read =
      plan.keeps_read_capability && identity.changes && plan.rung != Rung::limits;
  drop_bounding_set(keeps_read);
  become(identity);
  // In namespaces the init's end is the program's; a change of user would clear this.
  if (plan.rung != Rung::namespaces) ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  apply_limits(plan, identity);
  drop_capabilities(keeps_read);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail_setup("no_new_privs");
  if (plan.rung != Rung::limits) apply_landlock(plan);
  apply_seccomp(plan);
}

}  // namespace gradus::rewards::sandbox
