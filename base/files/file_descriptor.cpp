#include "base/files/file_descriptor.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace gradus {
namespace {

bool is_disk_full(int number) {
  return number == ENOSPC || number == EDQUOT || number == EFBIG;
}

std::string advice(int number) {
  if (is_disk_full(number)) return "; free some space or write to another disk";
  if (number == EACCES || number == EPERM) return "; check the owner and the permissions";
  if (number == ENOENT) return "; check the path";
  return "";
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    reset();
    fd_ = other.release();
  }
  return *this;
}

int FileDescriptor::release() {
  return std::exchange(fd_, -1);
}

void FileDescriptor::reset() {
  // Linux frees the number even when close is interrupted: closing again could hit another file.
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

FileDescriptor open_file(const std::filesystem::path& path, int flags, unsigned mode) {
  for (;;) {
    const int fd = ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode));
    if (fd >= 0) return FileDescriptor(fd);
    if (errno == EINTR) continue;
    const int number = errno;
    const bool is_denied = number == EACCES || number == EPERM;
    throw_file_error(path,
                     number == ENOENT ? "missing" : (is_denied ? "no_permission" : "open_failed"),
                     "cannot be opened", number);
  }
}

void write_all(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count > 0) {
      bytes = bytes.subspan(static_cast<size_t>(count));
    } else if (count < 0 && errno != EINTR) {
      const int number = errno;
      throw_file_error(path, is_disk_full(number) ? "disk_full" : "write_failed",
                       "cannot be written", number);
    }
  }
}

void sync_file(int fd, const std::filesystem::path& path) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    if (errno == EINVAL || errno == EROFS) return;  // a pipe or a device has nothing to sync
    const int number = errno;
    throw_file_error(path, is_disk_full(number) ? "disk_full" : "sync_failed",
                     "cannot be made durable", number);
  }
}

void sync_folder_of(const std::filesystem::path& path) {
  const auto parent = path.parent_path();
  const auto folder = parent.empty() ? std::filesystem::path(".") : parent;
  const FileDescriptor fd = open_file(folder, O_RDONLY | O_DIRECTORY);
  sync_file(fd.get(), folder);
}

void throw_file_error(const std::filesystem::path& path, const std::string& kind,
                      const std::string& action, int number) {
  throw FileError(path.string(), kind,
                  action + ": " + std::generic_category().message(number) + advice(number));
}

}  // namespace gradus
