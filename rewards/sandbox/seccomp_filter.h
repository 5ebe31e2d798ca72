#pragma once

#include <string>

namespace gradus::rewards::sandbox {

/// The filter of system calls for code of others, as the bytes of an array of sock_filter.
///
/// An allow list: what ordinary programs, interpreters and compilers use. Everything else,
/// including what future kernels add, answers EPERM (clone3: ENOSYS, so that libc falls back to
/// clone, whose flags can be checked). Not in the list, among others: ptrace, process_vm_*, mount,
/// unshare, setns, bpf, perf_event_open, userfaultfd, io_uring_*, keyctl, memfd_create and System
/// V and POSIX shared memory and queues (memory that no limit counts), personality but to ask.
/// Sockets are Unix sockets only, unless `has_network`. ioctl may not push input into a terminal.
///
/// @throws PeerError  libseccomp cannot build a filter for this machine.
std::string make_seccomp_filter(bool has_network);

}  // namespace gradus::rewards::sandbox
