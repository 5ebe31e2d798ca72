#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/files/file_descriptor.h"
#include "rewards/sandbox/control_group.h"
#include "rewards/sandbox/launch_plan.h"
#include "rewards/sandbox/named_pipes.h"
#include "rewards/sandbox/sandboxed_process.h"

namespace gradus::rewards::sandbox {

/// What the machine must give before code of others is run.
enum class Isolation {
  full,  // rung `namespaces`, or nothing is run
  weak,  // the strongest rung that the machine gives; the user has allowed it
};

struct SandboxLimits {
  uint64_t memory_bytes = uint64_t{2} << 30;  // of each process, and of the whole tree
  // For programs that reserve far more addresses than they use: memory is then counted alone.
  bool caps_address_space = true;
  uint64_t scratch_bytes = uint64_t{256} << 20;
  uint64_t stack_bytes = uint64_t{64} << 20;
  uint64_t cpu_s = 0;  // of one process; 0: none
  uint64_t num_processes = 64;
  uint64_t num_open_files = 256;
};

/// A program of others and what it may have. Paths are those of the machine; the program sees
/// /usr, /bin, /lib and their kin, `readable` at the same places, a few devices, and /tmp, which is
/// its own, where it starts, and which is gone afterwards.
struct SandboxConfig {
  std::vector<std::string> command;  // program (absolute) and arguments
  bool runs_helper = false;          // the helper's mode command[1]
  std::vector<std::pair<std::string, std::string>> environment;
  std::vector<std::string> readable;  // folders or files; may be absent
  std::vector<PlannedFile> files;     // made in the view, not writable by the program
  Input input = Input::empty;
  std::string input_text;
  bool replies_on_output = false;  // what the program prints are the replies
  bool has_network = false;
  // Its processes are closed to each other: no view of another's memory or descriptors in /proc.
  // Holds for programs that load shared libraries (guard/guard.cpp).
  bool closes_processes = false;
  bool reads_private_files = false;  // the user's own code: root's 0700 folders are read for root
  std::string collect;  // a file that the program leaves, for SandboxedProcess::collected
  uint64_t collect_bytes = uint64_t{8} << 20;  // a larger one is not collected
  SandboxLimits limits;
  size_t max_output_bytes = size_t{64} << 10;  // of stdout the beginning, of stderr the end
  size_t max_reply_bytes = size_t{1} << 20;    // of one line; see limit_replies
};

/// What this machine gives.
struct SandboxProbe {
  Rung rung = Rung::limits;
  bool is_available = false;        // even the weakest rung can be started
  std::string missing;              // why not the strongest: the step that failed; empty: it is
  int landlock_abi = 0;             // 0: none
  GroupPlace cgroup;                // where control groups can be made, or empty
  std::vector<std::string> gaps;    // what of the limits cannot be kept as meant, for people
  std::string description() const;  // a line for people
};

/// Tries the rungs from `strongest` down by running a program that ends at once.
SandboxProbe probe_sandbox(Rung strongest = Rung::namespaces);

/// The wall between Gradus and the code of others (docs/decisions/009-isolation.md). Processes are
/// started through a helper program with one thread; any thread may start them.
class Sandbox {
 public:
  /// @throws PeerError  the machine gives less than `isolation` asks for; says what is missing and
  ///         what to do.
  /// @param strongest  no stronger rung is tried: for tests of the weaker ones.
  explicit Sandbox(Isolation isolation = Isolation::full, Rung strongest = Rung::namespaces);

  Rung rung() const { return probe_.rung; }
  const SandboxProbe& probe() const { return probe_; }

  /// @throws PeerError  the helper cannot be started. A program that cannot be started is an
  ///         Ending of the process.
  std::unique_ptr<SandboxedProcess> start(const SandboxConfig& config) const;

 private:
  std::vector<std::string> pipes_below(const std::vector<std::string>& readable) const;

  FileDescriptor helper_;
  std::string local_filter_;
  std::string network_filter_;
  SandboxProbe probe_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, NamedPipes> pipes_;  // found once for each path
};

const char* rung_name(Rung rung);

}  // namespace gradus::rewards::sandbox
