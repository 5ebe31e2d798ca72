#include "base/process/free_memory.h"

#include <algorithm>
#include <fstream>
#include <optional>
#include <string>

namespace gradus {
namespace {

/// The number behind a word of a file of the kernel's; with no word, the file's first.
std::optional<int64_t> number_in(const std::string& path, const std::string& key) {
  std::ifstream in(path);
  std::string word;
  if (key.empty()) {
    int64_t value = 0;
    return in >> value ? std::optional(value) : std::nullopt;
  }
  while (in >> word) {
    int64_t value = 0;
    if (word == key && in >> value) return value;
  }
  return std::nullopt;
}

}  // namespace

int64_t memory_bytes() {
  return number_in("/proc/meminfo", "MemTotal:").value_or(0) * 1024;
}

int64_t free_memory_bytes() {
  int64_t bytes = number_in("/proc/meminfo", "MemAvailable:").value_or(0) * 1024;
  const auto limit = number_in("/sys/fs/cgroup/memory.max", "");
  const auto used = number_in("/sys/fs/cgroup/memory.current", "");
  if (limit && used) bytes = std::min(bytes, std::max<int64_t>(0, *limit - *used));
  return bytes;
}

}  // namespace gradus
