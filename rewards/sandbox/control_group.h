#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace gradus::rewards::sandbox {

/// Where control groups can be made; both folders are one in version 2.
struct GroupPlace {
  std::filesystem::path memory;
  std::filesystem::path pids;
  int version = 2;

  bool is_empty() const { return memory.empty(); }
};

/// A control group of one sandbox: limits of memory and of processes for the whole tree, kept by
/// the kernel, which counts what no process owns as well (sockets, pipes, page tables). Possible
/// where the system has delegated a group to us with both controllers (systemd: Delegate=memory
/// pids and DelegateSubgroup=, or a container runtime), or where we are root over those of
/// version 1.
class ControlGroup {
 public:
  /// Where groups can be made. Version 2: the own group, or its parent, when it hands the
  /// controllers `memory` and `pids` on and is writable. Version 1: the own groups of both, where
  /// they are writable.
  /// @param mount  the folder of the hierarchies; membership: the text of /proc/self/cgroup.
  static GroupPlace find_parent(const std::filesystem::path& mount, const std::string& membership);
  static GroupPlace find_parent();

  /// nullptr: it cannot be made. The name is made of the process and a running number.
  static std::unique_ptr<ControlGroup> make(const GroupPlace& parent, uint64_t memory_bytes,
                                            uint64_t num_processes);
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  bool add(pid_t pid) const;
  bool ran_out_of_memory() const;

 private:
  explicit ControlGroup(GroupPlace place) : place_(std::move(place)) {}
  bool limit(uint64_t memory_bytes, uint64_t num_processes) const;

  GroupPlace place_;
};

}  // namespace gradus::rewards::sandbox
