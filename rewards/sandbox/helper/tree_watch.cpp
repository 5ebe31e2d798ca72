#include "rewards/sandbox/helper/memory_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

namespace gradus::rewards::sandbox {
namespace {

std::string read_small(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return "";
  std::array<char, 4096> bytes;
  const ssize_t count = ::read(fd, bytes.data(), bytes.size());
  ::close(fd);
  return count > 0 ? std::string(bytes.data(), static_cast<size_t>(count)) : "";
}

std::vector<std::string> processes() {
  std::vector<std::string> folders;
  DIR* proc = ::opendir("/proc");
  if (proc == nullptr) return folders;
  while (const dirent* entry = ::readdir(proc)) {
    const bool is_process = entry->d_name[0] >= '1' && entry->d_name[0] <= '9';
    if (is_process && std::strcmp(entry->d_name, "1") != 0) {
      folders.push_back(std::string("/proc/") + entry->d_name);
    }
  }
  ::closedir(proc);
  return folders;
}

uint64_t own_bytes(const std::string& process) {
  const std::string text = read_small(process + "/statm");
  char* end = nullptr;
  std::strtoull(text.c_str(), &end, 10);
  const uint64_t resident = std::strtoull(end, &end, 10);
  const uint64_t shared = std::strtoull(end, &end, 10);
  static const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  return resident > shared ? (resident - shared) * page : 0;
}

uint64_t proportional_bytes(const std::string& process) {
  const std::string text = read_small(process + "/smaps_rollup");
  const size_t at = text.find("Pss_Anon:");
  if (at == std::string::npos) return own_bytes(process);
  return std::strtoull(text.c_str() + at + std::strlen("Pss_Anon:"), nullptr, 10) * 1024;
}

}  // namespace

bool MemoryWatch::is_exceeded() const {
  uint64_t scratch = 0;
  struct statvfs space {};
  if (::statvfs(scratch_.c_str(), &space) == 0) {
    scratch = (space.f_blocks - space.f_bfree) * space.f_frsize;
  }
  uint64_t sum = scratch;
  const auto folders = processes();
  for (const auto& folder : folders) sum += own_bytes(folder);
  if (sum <= limit_) return false;
  sum = scratch;
  for (const auto& folder : folders) sum += proportional_bytes(folder);
  return sum > limit_;
}

}  // namespace gradus::rewards::sandbox
