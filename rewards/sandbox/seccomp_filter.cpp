#include "rewards/sandbox/seccomp_filter.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

#include "base/error.h"
#include "base/files/file_descriptor.h"

namespace gradus::rewards::sandbox {
namespace {

// Names that a machine's architecture or libseccomp does not know are passed over.
constexpr std::array kAllowed{
    // files
    "access", "chdir", "chmod", "chown", "close", "close_range", "copy_file_range", "creat", "dup",
    "dup2", "dup3", "faccessat", "faccessat2", "fadvise64", "fallocate", "fchdir", "fchmod",
    "fchmodat", "fchmodat2", "fchown", "fchownat", "fdatasync", "fgetxattr", "flistxattr", "flock",
    "fsetxattr", "fstat", "fstatfs", "fsync", "ftruncate", "futimesat", "getcwd", "getdents",
    "getdents64", "getxattr", "lchown", "lgetxattr", "link", "linkat", "listxattr", "llistxattr",
    "lseek", "lstat", "mkdir", "mkdirat", "newfstatat", "open", "openat", "openat2", "pread64",
    "preadv", "preadv2", "pwrite64", "pwritev", "pwritev2", "read", "readahead", "readlink",
    "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir", "sendfile", "setxattr",
    "splice", "stat", "statfs", "statx", "symlink", "symlinkat", "sync_file_range", "tee",
    "truncate", "umask", "unlink", "unlinkat", "utime", "utimensat", "utimes", "write", "writev",
    // memory
    "brk", "madvise", "membarrier", "mincore", "mlock", "mlock2", "mprotect", "mremap", "msync",
    "munlock", "munmap", "pkey_alloc", "pkey_free", "pkey_mprotect",
    // processes and threads
    "arch_prctl", "capget", "execve", "execveat", "exit", "exit_group", "fork", "futex",
    "futex_wait", "futex_waitv", "futex_wake", "get_robust_list", "getcpu", "getegid", "geteuid",
    "getgid", "getgroups", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getresgid",
    "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "kill",
    "landlock_add_rule", "landlock_create_ruleset", "landlock_restrict_self", "pidfd_open",
    "pidfd_send_signal", "prctl", "prlimit64", "rseq", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getattr", "sched_getparam",
    "sched_getscheduler", "sched_rr_get_interval", "sched_setaffinity", "sched_setattr",
    "sched_setparam", "sched_setscheduler", "sched_yield", "seccomp", "set_robust_list",
    "set_tid_address", "setfsgid", "setfsuid", "setgid", "setgroups", "setpgid", "setpriority",
    "setregid", "setresgid", "setresuid", "setreuid", "setrlimit", "setsid", "setuid", "sysinfo",
    "tgkill", "times", "tkill", "uname", "vfork", "wait4", "waitid",
    // signals, time, waiting
    "alarm", "clock_getres", "clock_gettime", "clock_nanosleep", "epoll_create", "epoll_create1",
    "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd", "eventfd2", "getitimer",
    "gettimeofday", "nanosleep", "pause", "poll", "ppoll", "pselect6", "restart_syscall",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigqueueinfo", "rt_sigreturn",
    "rt_sigsuspend", "rt_sigtimedwait", "rt_tgsigqueueinfo", "select", "setitimer", "sigaltstack",
    "signalfd", "signalfd4", "time", "timer_create", "timer_delete", "timer_getoverrun",
    "timer_gettime", "timer_settime", "timerfd_create", "timerfd_gettime", "timerfd_settime",
    // pipes and sockets that exist
    "getpeername", "getrandom", "getsockname", "getsockopt", "pipe", "pipe2", "recvfrom",
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "shutdown"};

constexpr std::array kAllowedWithNetwork{"accept", "accept4", "bind", "connect", "listen"};

// Would hold the machine's disks up; a program without files of its own loses nothing by it.
constexpr std::array kPretended{"sync", "syncfs"};

constexpr uint32_t kNewNamespaces = CLONE_NEWNS | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET |
                                    CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP;
// What libc and interpreters ask of files, pipes and terminals.
constexpr uint64_t kRequests[] = {
    TCGETS,  TCSETS,   TCSETSW, TIOCGWINSZ, TIOCGPGRP, FIONREAD,
    FIONBIO, FIOASYNC, FIOCLEX, FIONCLEX,   0x80086601 /* FS flags */};
// All of fcntl but leases, notices and the size of pipes.
constexpr uint64_t kFileCommands[] = {F_DUPFD,
                                      F_GETFD,
                                      F_SETFD,
                                      F_GETFL,
                                      F_SETFL,
                                      F_GETLK,
                                      F_SETOWN,
                                      F_GETOWN,
                                      10 /* F_SETSIG */,
                                      11 /* F_GETSIG */,
                                      36 /* F_OFD_GETLK */,
                                      F_DUPFD_CLOEXEC,
                                      1032 /* F_GETPIPE_SZ */,
                                      1033 /* F_ADD_SEALS */,
                                      1034 /* F_GET_SEALS */};
// Locks of byte ranges are granted in words: a file may have any number of them, each in memory of
// the kernel that nobody counts. Locks of whole files (flock) are as many as descriptors.
constexpr uint64_t kLockCommands[] = {F_SETLK, F_SETLKW, 37 /* F_OFD_SETLK */,
                                      38 /* F_OFD_SETLKW */};
constexpr uint64_t kSocketOptions[] = {SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE, SO_OOBINLINE,
                                       SO_PRIORITY,  SO_LINGER,    SO_REUSEPORT, SO_PASSCRED,
                                       SO_RCVLOWAT,  SO_RCVTIMEO,  SO_SNDTIMEO,  SO_TIMESTAMP};
// A wish that the kernel may trim anyway is granted in words.
constexpr uint64_t kBufferOptions[] = {SO_SNDBUF, SO_RCVBUF, SO_SNDBUFFORCE, SO_RCVBUFFORCE};
constexpr uint64_t kNetworkRequests[] = {SIOCGIFCONF,  SIOCGIFFLAGS, SIOCGIFADDR,
                                         SIOCGIFINDEX, SIOCGIFMTU,   SIOCGIFNAME};

[[noreturn]] void refuse_filter(const std::string& what, int number) {
  throw PeerError("libseccomp: " + what + ": " + std::strerror(number < 0 ? -number : number));
}

class Filter {
 public:
  Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM)), ::seccomp_release) {
    if (!context_) refuse_filter("no filter can be made", ENOMEM);
    // Compares at most as many numbers as the binary logarithm of the list's length.
    ::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2);
  }

  void add(uint32_t action, const char* name) { add(action, name, nullptr, 0); }

  template <size_t N>
  void add(uint32_t action, const char* name, const scmp_arg_cmp (&conditions)[N]) {
    add(action, name, conditions, N);
  }

  std::string bytes() const {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) refuse_filter("pipe", errno);
    const FileDescriptor reader(ends[0]);
    FileDescriptor writer(ends[1]);
    // A pipe holds 64 KiB, far more than a filter's largest size (4,096 instructions of 8 bytes).
    if (const int result = ::seccomp_export_bpf(context_.get(), writer.get()); result != 0) {
      refuse_filter("the filter cannot be exported", result);
    }
    writer.reset();
    std::string text;
    std::array<char, 4096> piece;
    for (ssize_t count; (count = ::read(reader.get(), piece.data(), piece.size())) > 0;) {
      text.append(piece.data(), static_cast<size_t>(count));
    }
    return text;
  }

 private:
  void add(uint32_t action, const char* name, const scmp_arg_cmp* conditions, unsigned count) {
    const int number = ::seccomp_syscall_resolve_name(name);
    if (number == __NR_SCMP_ERROR) return;
    const int result = ::seccomp_rule_add_array(context_.get(), action, number, count, conditions);
    if (result != 0 && result != -EDOM) refuse_filter(std::string("rule for ") + name, result);
  }

  std::unique_ptr<void, decltype(&::seccomp_release)> context_;
};

constexpr uint64_t kInt = 0xffffffffULL;  // the kernel looks at 32 bits of an int, so do we

// Pairs of Unix sockets alone: one with a name reaches every service of the machine that listens
// in a folder that is shown, and mounts, Landlock and network namespaces do not stop it. Not as
// datagrams either: such a pair can be turned to a name.
void add_sockets(Filter& filter, bool has_network) {
  for (const uint64_t type : {SOCK_STREAM, SOCK_SEQPACKET}) {
    filter.add(
        SCMP_ACT_ALLOW, "socketpair",
        {SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, AF_UNIX), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, type)});
  }
  for (const uint64_t option : kSocketOptions) {
    filter.add(
        SCMP_ACT_ALLOW, "setsockopt",
        {SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, SOL_SOCKET), SCMP_A2(SCMP_CMP_MASKED_EQ, kInt, option)});
  }
  // Buffers are memory of the kernel, which no limit of the sandbox counts one by one.
  for (const uint64_t option : kBufferOptions) {
    filter.add(
        SCMP_ACT_ERRNO(0), "setsockopt",
        {SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, SOL_SOCKET), SCMP_A2(SCMP_CMP_MASKED_EQ, kInt, option)});
  }
  if (!has_network) return;
  for (const char* name : kAllowedWithNetwork) filter.add(SCMP_ACT_ALLOW, name);
  for (const uint64_t family : {AF_INET, AF_INET6, AF_NETLINK}) {
    filter.add(SCMP_ACT_ALLOW, "socket", {SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, family)});
  }
  for (const int level :
       {0 /* IP */, 6 /* TCP */, 17 /* UDP */, 41 /* IPv6 */, 270 /* netlink */}) {
    filter.add(SCMP_ACT_ALLOW, "setsockopt",
               {SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, static_cast<uint64_t>(level))});
  }
}

// Memory that is shared without a file, and huge pages, belong to no process: they stay when those
// who filled them let go, so that no watch finds them. Files are counted where they lie.
void add_memory(Filter& filter) {
  for (const uint64_t flag : {MAP_ANONYMOUS, MAP_SHARED}) {
    filter.add(SCMP_ACT_ALLOW, "mmap",
               {SCMP_A3(SCMP_CMP_MASKED_EQ, flag | static_cast<uint64_t>(MAP_HUGETLB), 0)});
  }
}

void add_device_requests(Filter& filter, bool has_network) {
  const auto allow = [&](uint64_t request) {
    filter.add(SCMP_ACT_ALLOW, "ioctl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, request)});
  };
  for (const uint64_t request : kRequests) allow(request);
  if (!has_network) return;
  for (const uint64_t request : kNetworkRequests) allow(request);
}

}  // namespace

std::string make_seccomp_filter(bool has_network) {
  Filter filter;
  for (const char* name : kAllowed) filter.add(SCMP_ACT_ALLOW, name);
  for (const char* name : kPretended) filter.add(SCMP_ACT_ERRNO(0), name);
  filter.add(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  filter.add(SCMP_ACT_ALLOW, "clone", {SCMP_A0(SCMP_CMP_MASKED_EQ, kNewNamespaces, 0)});
  filter.add(SCMP_ACT_ALLOW, "personality", {SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, kInt)});
  filter.add(SCMP_ACT_ALLOW, "personality", {SCMP_A0(SCMP_CMP_MASKED_EQ, kInt, 0)});
  for (const uint64_t command : kFileCommands) {
    filter.add(SCMP_ACT_ALLOW, "fcntl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, command)});
  }
  for (const uint64_t command : kLockCommands) {
    filter.add(SCMP_ACT_ERRNO(0), "fcntl", {SCMP_A1(SCMP_CMP_MASKED_EQ, kInt, command)});
  }
  add_memory(filter);
  add_device_requests(filter, has_network);
  add_sockets(filter, has_network);
  return filter.bytes();
}

}  // namespace gradus::rewards::sandbox
