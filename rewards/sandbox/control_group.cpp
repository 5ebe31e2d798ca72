#include "rewards/sandbox/control_group.h"

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <sstream>
#include <system_error>

namespace gradus::rewards::sandbox {
namespace {

namespace fs = std::filesystem;

// The helper, its init and a spare are counted beside the program's processes.
constexpr uint64_t kOwnProcesses = 3;

std::string text_of(const fs::path& path) {
  std::ifstream in(path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool write_text(const fs::path& path, const std::string& text) {
  std::ofstream out(path);
  out << text;
  out.flush();
  return out.good();
}

bool has_word(const std::string& text, const std::string& word) {
  std::istringstream words(text);
  for (std::string found; words >> found;) {
    if (found == word) return true;
  }
  return false;
}

bool hands_on(const fs::path& folder) {
  const std::string controllers = text_of(folder / "cgroup.subtree_control");
  return has_word(controllers, "memory") && has_word(controllers, "pids") &&
         ::access(folder.c_str(), W_OK) == 0;
}

}  // namespace

fs::path ControlGroup::find_parent(const fs::path& mount, const std::string& membership) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("0::/", 0) != 0) continue;
    const fs::path own = mount / line.substr(4);
    if (hands_on(own)) return own;
    if (line.size() > 4 && hands_on(own.parent_path())) return own.parent_path();
  }
  return {};
}

fs::path ControlGroup::find_parent() {
  return find_parent("/sys/fs/cgroup", text_of("/proc/self/cgroup"));
}

std::unique_ptr<ControlGroup> ControlGroup::make(const fs::path& parent, uint64_t memory_bytes,
                                                 uint64_t num_processes) {
  static std::atomic<uint64_t> counter{0};  // a name, nothing else, hangs on it
  const fs::path folder = parent / ("gradus-sandbox-" + std::to_string(::getpid()) + "-" +
                                    std::to_string(counter.fetch_add(1)));
  std::error_code error;
  if (!fs::create_directory(folder, error)) return nullptr;
  std::unique_ptr<ControlGroup> group(new ControlGroup(folder));
  const bool is_limited =
      (memory_bytes == 0 || write_text(folder / "memory.max", std::to_string(memory_bytes))) &&
      (num_processes == 0 ||
       write_text(folder / "pids.max", std::to_string(num_processes + kOwnProcesses)));
  if (!is_limited) return nullptr;
  write_text(folder / "memory.swap.max", "0");
  write_text(folder / "memory.oom.group", "1");
  return group;
}

ControlGroup::~ControlGroup() {
  std::error_code ignored;
  fs::remove(folder_, ignored);  // possible once its last process is reaped
}

bool ControlGroup::add(pid_t pid) const {
  return write_text(folder_ / "cgroup.procs", std::to_string(pid));
}

bool ControlGroup::ran_out_of_memory() const {
  std::istringstream events(text_of(folder_ / "memory.events"));
  std::string name;
  for (uint64_t count = 0; events >> name >> count;) {
    if (name == "oom_kill") return count > 0;
  }
  return false;
}

}  // namespace gradus::rewards::sandbox
