#include "rewards/sandbox/helper/tree_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <set>
#include <string_view>

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

/// The number behind "\nname"; 0: there is none.
uint64_t number_behind(const std::string& text, const char* name) {
  const size_t at = text.find(name);
  return at == std::string::npos
             ? 0
             : std::strtoull(text.c_str() + at + std::strlen(name), nullptr, 10);
}

/// Calls visit(name) for every entry of a folder.
template <class Visit>
void for_entries(const std::string& folder, const Visit& visit) {
  DIR* entries = ::opendir(folder.c_str());
  if (entries == nullptr) return;
  while (const dirent* entry = ::readdir(entries)) visit(entry->d_name);
  ::closedir(entries);
}

bool is_number(const char* name) {
  return name[0] >= '0' && name[0] <= '9';
}

void add_descendants(const std::string& process, std::vector<std::string>& found) {
  for_entries(process + "/task", [&](const char* task) {
    if (!is_number(task)) return;
    const std::string children = read_small(process + "/task/" + task + "/children");
    for (const char* at = children.c_str();;) {
      char* end = nullptr;
      const long pid = std::strtol(at, &end, 10);
      if (end == at) return;
      at = end;
      found.push_back("/proc/" + std::to_string(pid));
      add_descendants("/proc/" + std::to_string(pid), found);
    }
  });
}

uint64_t page_table_bytes(const std::string& status) {
  return number_behind(status, "\nVmPTE:") * 1024;
}

uint64_t own_bytes(const std::string& status) {
  return (number_behind(status, "\nRssAnon:") + number_behind(status, "\nVmSwap:")) * 1024;
}

uint64_t exact_bytes(const std::string& process, const std::string& status) {
  const std::string text = read_small(process + "/smaps_rollup");
  if (text.find("\nPss_Anon:") == std::string::npos) return own_bytes(status);
  return (number_behind(text, "\nPss_Anon:") + number_behind(text, "\nSwapPss:")) * 1024;
}

// A sender may fill its buffer and begin one more message of half its size.
uint64_t most_bytes_of_socket() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return 0;
  int bytes = 0;
  socklen_t size = sizeof(bytes);
  ::getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &bytes, &size);
  ::close(ends[0]);
  ::close(ends[1]);
  return bytes > 0 ? static_cast<uint64_t>(bytes) * 3 / 2 : 0;
}

// Counts sockets of every kind, those as well that are under way from one process to another.
uint64_t sockets_of_namespace() {
  return number_behind(read_small("/proc/self/net/sockstat"), "sockets: used");
}

uint64_t sockets_of(const std::vector<std::string>& processes) {
  std::set<std::string> sockets;
  for (const std::string& process : processes) {
    for_entries(process + "/fd", [&](const char* fd) {
      std::array<char, 64> link;
      const ssize_t size = ::readlink((process + "/fd/" + fd).c_str(), link.data(), link.size());
      const std::string_view target(link.data(), size > 0 ? static_cast<size_t>(size) : 0);
      if (target.substr(0, 7) == "socket:") sockets.emplace(target);
    });
  }
  return sockets.size();
}

}  // namespace

TreeWatch::TreeWatch(const LaunchPlan& plan)
    : owns_namespaces_(plan.rung == Rung::namespaces),
      owns_network_(plan.rung == Rung::namespaces && !plan.has_network),
      memory_limit_(plan.memory_bytes),
      process_limit_(plan.num_processes),
      scratch_(plan.rung == Rung::namespaces ? plan.scratch : ""),
      bytes_of_socket_(most_bytes_of_socket()),
      first_sockets_(owns_network_ ? sockets_of_namespace() : 0) {}

std::vector<std::string> TreeWatch::processes() const {
  std::vector<std::string> found;
  if (!owns_namespaces_) {
    add_descendants("/proc/self", found);
    return found;
  }
  for_entries("/proc", [&](const char* name) {
    if (is_number(name) && std::strcmp(name, "1") != 0)
      found.push_back(std::string("/proc/") + name);
  });
  return found;
}

uint64_t TreeWatch::socket_bytes(const std::vector<std::string>& processes) const {
  if (!owns_network_) return sockets_of(processes) * bytes_of_socket_;
  const uint64_t count = sockets_of_namespace();
  return count > first_sockets_ ? (count - first_sockets_) * bytes_of_socket_ : 0;
}

TreeWatch::Finding TreeWatch::look() const {
  const auto folders = processes();
  std::vector<std::string> statuses;
  uint64_t threads = 0;
  uint64_t own = 0;
  uint64_t shared = 0;
  for (const auto& folder : folders) {
    statuses.push_back(read_small(folder + "/status"));
    threads += number_behind(statuses.back(), "\nThreads:");
    own += own_bytes(statuses.back());
    shared += page_table_bytes(statuses.back());
  }
  if (process_limit_ > 0 && threads > process_limit_) return Finding::processes;
  if (memory_limit_ == 0) return Finding::within;
  struct statvfs space {};
  if (!scratch_.empty() && ::statvfs(scratch_.c_str(), &space) == 0) {
    shared += (space.f_blocks - space.f_bfree) * space.f_frsize;
  }
  shared += socket_bytes(folders);
  if (own + shared <= memory_limit_) return Finding::within;
  own = 0;
  for (size_t i = 0; i < folders.size(); ++i) own += exact_bytes(folders[i], statuses[i]);
  return own + shared > memory_limit_ ? Finding::memory : Finding::within;
}

}  // namespace gradus::rewards::sandbox
