#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rewards/sandbox/launch_plan.h"

namespace gradus::rewards::sandbox {

/// What a sandbox's processes take together, this one apart, against the plan's limits.
///
/// Limits of single processes do not bound their sum, control groups are rarely ours to make, and
/// the kernel does not count the processes of every user. So every few milliseconds the tree is
/// looked through (/proc/PID/status):
///
///   memory     their own pages and page tables; the scratch folder, which is memory too; and what
///              the send buffers of all sockets can hold. Pages that processes share after fork
///              count twice there, so past the limit the exact sum (Pss_Anon of smaps_rollup)
///              decides. Memory that belongs to no process is not to be had: seccomp_filter.h.
///   processes  threads of all of them
///
/// A burst between two looks is bounded by the limits of the single process.
class TreeWatch {
 public:
  enum class Finding { within, memory, processes };

  /// In namespaces the tree is all that /proc shows, else what descends from this process.
  explicit TreeWatch(const LaunchPlan& plan);

  Finding look() const;

 private:
  std::vector<std::string> processes() const;
  uint64_t socket_bytes(const std::vector<std::string>& processes) const;

  bool owns_namespaces_;
  bool owns_network_;
  uint64_t memory_limit_;
  uint64_t process_limit_;
  std::string scratch_;         // where it is a file system of its own
  uint64_t bytes_of_socket_;    // what one may hold at most
  uint64_t first_sockets_ = 0;  // of the namespace, before the program
};

}  // namespace gradus::rewards::sandbox
