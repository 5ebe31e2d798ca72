#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gradus::cli {

/// One thing that Gradus wants of the machine.
struct Check {
  enum class State { fine, limited, missing };
  std::string name;  ///< stable, for machines: "python"
  State state = State::fine;
  std::string found;   ///< what is there
  std::string effect;  ///< what does not work, or works worse; empty when fine
  std::string remedy;  ///< the command that mends it; empty when fine
};

struct Machine {
  std::string libtorch;
  bool has_cuda_build = false;
  int64_t num_gpus = 0;
  std::string instruction_set;
  int threads = 0;  ///< cores this process may use
  int64_t memory_bytes = 0;
  int64_t free_memory_bytes = 0;
  int64_t free_disk_bytes = 0;
  std::vector<Check> checks;
};

/// Looks around; starts short-lived children (python3 --version, a sandboxed trial).
Machine look_at_machine();

}  // namespace gradus::cli
