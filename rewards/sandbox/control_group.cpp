#include "rewards/sandbox/control_group.h"

#include <unistd.h>

#include <algorithm>
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

/// The group "/a/b" of a line "4:memory:/a/b" of version 1; empty: the controller is not there.
fs::path own_group(const fs::path& mount, const std::string& membership, const char* controller) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    std::string controllers = line.substr(first + 1, second - first - 1);
    std::replace(controllers.begin(), controllers.end(), ',', ' ');
    if (!has_word(controllers, controller)) continue;
    return (mount / controller / line.substr(second + 2)).lexically_normal();
  }
  return {};
}

bool is_group_of_version_1(const fs::path& folder, const char* limit) {
  return !folder.empty() && ::access(folder.c_str(), W_OK) == 0 && fs::exists(folder / limit);
}

GroupPlace find_version_2(const fs::path& mount, const std::string& membership) {
  std::istringstream lines(membership);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("0::/", 0) != 0) continue;
    const fs::path own = mount / line.substr(4);
    if (hands_on(own)) return {own, own, 2};
    const fs::path above = own.parent_path();
    if (line.size() > 4 && hands_on(above)) return {above, above, 2};
  }
  return {};
}

}  // namespace

GroupPlace ControlGroup::find_parent(const fs::path& mount, const std::string& membership) {
  if (GroupPlace place = find_version_2(mount, membership); !place.is_empty()) return place;
  GroupPlace place{own_group(mount, membership, "memory"), own_group(mount, membership, "pids"), 1};
  // The root of the processes' controller has no limit of its own, but groups below it do.
  const bool is_there = is_group_of_version_1(place.memory, "memory.limit_in_bytes") &&
                        is_group_of_version_1(place.pids, "cgroup.procs");
  return is_there ? place : GroupPlace{};
}

GroupPlace ControlGroup::find_parent() {
  return find_parent("/sys/fs/cgroup", text_of("/proc/self/cgroup"));
}

std::unique_ptr<ControlGroup> ControlGroup::make(const GroupPlace& parent, uint64_t memory_bytes,
                                                 uint64_t num_processes) {
  static std::atomic<uint64_t> counter{0};  // a name, nothing else, hangs on it
  const std::string name =
      "gradus-sandbox-" + std::to_string(::getpid()) + "-" + std::to_string(counter.fetch_add(1));
  const GroupPlace place{parent.memory / name, parent.pids / name, parent.version};
  std::error_code error;
  if (!fs::create_directory(place.memory, error)) return nullptr;
  std::unique_ptr<ControlGroup> group(new ControlGroup(place));
  const bool is_made = place.pids == place.memory || fs::create_directory(place.pids, error);
  return is_made && group->limit(memory_bytes, num_processes) ? std::move(group) : nullptr;
}

bool ControlGroup::limit(uint64_t memory_bytes, uint64_t num_processes) const {
  const bool is_first = place_.version == 1;
  const std::string memory = std::to_string(memory_bytes);
  if (memory_bytes > 0 &&
      !write_text(place_.memory / (is_first ? "memory.limit_in_bytes" : "memory.max"), memory)) {
    return false;
  }
  if (num_processes > 0 &&
      !write_text(place_.pids / "pids.max", std::to_string(num_processes + kOwnProcesses))) {
    return false;
  }
  // Absent where swap is not counted.
  if (is_first && memory_bytes > 0)
    write_text(place_.memory / "memory.memsw.limit_in_bytes", memory);
  if (!is_first) write_text(place_.memory / "memory.swap.max", "0");
  if (!is_first) write_text(place_.memory / "memory.oom.group", "1");
  return true;
}

ControlGroup::~ControlGroup() {
  std::error_code ignored;
  fs::remove(place_.memory, ignored);  // possible once its last process is reaped
  if (place_.pids != place_.memory) fs::remove(place_.pids, ignored);
}

bool ControlGroup::add(pid_t pid) const {
  const std::string text = std::to_string(pid);
  return write_text(place_.memory / "cgroup.procs", text) &&
         (place_.pids == place_.memory || write_text(place_.pids / "cgroup.procs", text));
}

bool ControlGroup::ran_out_of_memory() const {
  std::istringstream events(
      text_of(place_.memory / (place_.version == 1 ? "memory.oom_control" : "memory.events")));
  std::string name;
  for (uint64_t count = 0; events >> name >> count;) {
    if (name == "oom_kill") return count > 0;
  }
  return false;
}

}  // namespace gradus::rewards::sandbox
