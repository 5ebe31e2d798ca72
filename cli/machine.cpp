#include "cli/machine.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <torch/version.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <limits>
#include <thread>

#include "base/process/free_memory.h"
#include "base/process/usable_cores.h"
#include "base/quantity.h"
#include "policy/kernels/matmul.h"
#include "rewards/sandbox/sandbox.h"
#include "rl/parallel/c10d.h"

extern char** environ;  // NOLINT: POSIX's name for what a child inherits

namespace gradus::cli {
namespace {

constexpr int64_t kLittleMemory = int64_t{4} << 30;
constexpr int64_t kLittleDisk = int64_t{5} << 30;

struct Answer {
  int status = -1;  // 127: there is no such program
  std::string text;
};

/// Runs a program found in PATH; its two outputs together.
Answer ask(const std::vector<std::string>& command) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  std::vector<char*> arguments;
  for (const auto& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = -1;
  const int failure =
      ::posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  Answer answer{127, ""};
  if (failure == 0) {
    std::array<char, 512> piece{};
    for (ssize_t count; (count = ::read(ends[0], piece.data(), piece.size())) > 0;) {
      answer.text.append(piece.data(), static_cast<size_t>(count));
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    answer.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }
  ::close(ends[0]);
  while (!answer.text.empty() && answer.text.back() == '\n') answer.text.pop_back();
  return answer;
}

int64_t free_disk(const char* path) {
  struct statvfs fs {};
  if (::statvfs(path, &fs) != 0) return 0;
  return static_cast<int64_t>(fs.f_bavail) * static_cast<int64_t>(fs.f_frsize);
}

Check check_python() {
  const Answer answer = ask({"python3", "--version"});
  if (answer.status == 0) return {"python", Check::State::fine, answer.text, "", ""};
  return {"python", Check::State::missing, "no python3 in PATH",
          "reward rules written in Python cannot run", "apt-get install python3"};
}

Check check_sandbox() {
  const auto probe = rewards::sandbox::probe_sandbox();
  const std::string found = probe.description();
  if (probe.is_available && probe.rung == rewards::sandbox::Rung::namespaces) {
    return {"sandbox", Check::State::fine, found, "", ""};
  }
  return {
      "sandbox", probe.is_available ? Check::State::limited : Check::State::missing, found,
      "rules made of others' code (python, command, library, lua, code) are refused, unless they "
      "say isolation = \"weak\"",
      "sysctl -w kernel.unprivileged_userns_clone=1 (Ubuntu: "
      "kernel.apparmor_restrict_unprivileged_userns=0; in a container: allow user namespaces)"};
}

Check check_instructions(const std::string& set) {
  if (set != "generic") return {"instruction_set", Check::State::fine, set, "", ""};
  return {"instruction_set", Check::State::limited, set,
          "the CPU has neither AVX2 nor AVX-512: matrix products are slow", "another CPU"};
}

Check check_gpus(const Machine& machine) {
  if (machine.num_gpus > 0) {
    return {"gpu", Check::State::fine, std::to_string(machine.num_gpus) + " CUDA devices", "", ""};
  }
  if (!machine.has_cuda_build) {
    return {"gpu", Check::State::limited, "LibTorch is a CPU build",
            "model.device = \"cuda\" is refused",
            "set CMAKE_PREFIX_PATH to a CUDA build of LibTorch and call ./run build"};
  }
  return {"gpu", Check::State::limited, "no CUDA device", "model.device = \"cuda\" is refused",
          "install the NVIDIA driver (nvidia-smi must list a device)"};
}

Check check_ranks() {
  if (rl::has_c10d())
    return {"processes", Check::State::fine, "several may train together (c10d, Gloo)", "", ""};
  return {"processes", Check::State::limited, "Gloo's headers were not there at the build",
          "gradus launch and torchrun are refused: one process trains",
          "apt-get install libgloo-dev, and build again"};
}

Check check_memory(const Machine& machine) {
  const std::string found = bytes_text(static_cast<double>(machine.free_memory_bytes)) +
                            " free of " + bytes_text(static_cast<double>(machine.memory_bytes));
  if (machine.free_memory_bytes >= kLittleMemory)
    return {"memory", Check::State::fine, found, "", ""};
  return {"memory", Check::State::limited, found, "small models alone can be trained",
          "gradus train RECIPE --dry-run says what a recipe needs"};
}

Check check_disk(const Machine& machine) {
  const std::string found = bytes_text(static_cast<double>(machine.free_disk_bytes)) + " free here";
  if (machine.free_disk_bytes >= kLittleDisk) return {"disk", Check::State::fine, found, "", ""};
  return {"disk", Check::State::limited, found, "checkpoints take 12 bytes per parameter each",
          "set run.dir to a folder on a larger disk"};
}

}  // namespace

Machine look_at_machine() {
  Machine machine;
  machine.libtorch = TORCH_VERSION;
  machine.has_cuda_build = at::hasCUDA() || at::globalContext().hasCUDART();
  machine.num_gpus = at::hasCUDA() ? at::detail::getCUDAHooks().deviceCount() : 0;
  machine.instruction_set = policy::kernels::instruction_set();
  machine.threads = usable_cores();
  machine.memory_bytes = gradus::memory_bytes();
  machine.free_memory_bytes = gradus::free_memory_bytes();
  machine.free_disk_bytes = free_disk(".");
  machine.checks = {check_instructions(machine.instruction_set),
                    check_gpus(machine),
                    check_memory(machine),
                    check_disk(machine),
                    check_python(),
                    check_ranks(),
                    check_sandbox()};
  return machine;
}

}  // namespace gradus::cli
