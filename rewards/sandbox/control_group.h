#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace gradus::rewards::sandbox {

/// A control group (version 2) of one sandbox: limits of memory and of processes for the whole
/// tree, kept by the kernel. Possible only where the system has delegated a group to us with both
/// controllers (systemd: Delegate=memory pids and DelegateSubgroup=, or a container runtime).
class ControlGroup {
 public:
  /// Where groups can be made: the own group, or its parent, when it hands the controllers
  /// `memory` and `pids` on and is writable; empty: nowhere.
  /// @param mount  the folder of the hierarchy; membership: the text of /proc/self/cgroup.
  static std::filesystem::path find_parent(const std::filesystem::path& mount,
                                           const std::string& membership);
  static std::filesystem::path find_parent();

  /// nullptr: it cannot be made. The name is made of the process and a running number.
  static std::unique_ptr<ControlGroup> make(const std::filesystem::path& parent,
                                            uint64_t memory_bytes, uint64_t num_processes);
  ~ControlGroup();
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;

  bool add(pid_t pid) const;
  bool ran_out_of_memory() const;

 private:
  explicit ControlGroup(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path folder_;
};

}  // namespace gradus::rewards::sandbox
