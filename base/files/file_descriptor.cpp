#include "base/files/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string_view>
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

/// Names of descriptors that are open already, and the device that is always empty.
bool is_handed_over(const std::filesystem::path& path) {
  const std::string_view name = path.native();
  if (name == "/dev/stdin" || name == "/dev/stdout" || name == "/dev/stderr" ||
      name == "/dev/null") {
    return true;
  }
  for (const std::string_view folder : {"/dev/fd/", "/proc/self/fd/"}) {
    if (!name.starts_with(folder) || name.size() == folder.size()) continue;
    return name.find_first_not_of("0123456789", folder.size()) == std::string_view::npos;
  }
  return false;
}

void refuse_special(const std::filesystem::path& path, unsigned mode) {
  if (S_ISREG(mode) || S_ISDIR(mode)) return;
  const char* what = S_ISFIFO(mode) ? "a pipe" : S_ISSOCK(mode) ? "a socket" : "a device";
  throw FileError(
      path.string(), "not_a_file",
      std::string("is ") + what + ", where a file is wanted; copy the contents into one");
}

FileDescriptor open_anything(const std::filesystem::path& path, int flags, unsigned mode) {
  const int fd = uninterrupted(
      [&] { return ::open(path.c_str(), flags | O_CLOEXEC, static_cast<mode_t>(mode)); });
  if (fd >= 0) return FileDescriptor(fd);
  const int number = errno;
  const bool is_denied = number == EACCES || number == EPERM;
  throw_file_error(path,
                   number == ENOENT ? "missing" : (is_denied ? "no_permission" : "open_failed"),
                   "cannot be opened", number);
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
  if (is_handed_over(path)) return open_anything(path, flags, mode);
  // Looked at before as well as after: opening a device may do something already.
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0) refuse_special(path, status.st_mode);
  FileDescriptor fd = open_anything(path, flags | O_NONBLOCK, mode);
  if (::fstat(fd.get(), &status) == 0) refuse_special(path, status.st_mode);
  return fd;
}

FileDescriptor open_output_stream(const std::filesystem::path& path) {
  if (is_handed_over(path)) return open_anything(path, O_WRONLY, 0);
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && !S_ISFIFO(status.st_mode) && !S_ISCHR(status.st_mode)) {
    refuse_special(path, status.st_mode);
  }
  // A pipe without a reader would be waited for.
  const int fd =
      uninterrupted([&] { return ::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC); });
  if (fd < 0 && errno == ENXIO) {
    throw FileError(path.string(), "open_failed",
                    "is a pipe that nobody reads; start its reader first");
  }
  if (fd < 0) throw_file_error(path, "open_failed", "cannot be opened", errno);
  FileDescriptor stream(fd);
  const int flags = ::fcntl(fd, F_GETFL);
  if (flags < 0 || ::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) {
    throw_file_error(path, "open_failed", "cannot be waited for", errno);
  }
  return stream;
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
  if (uninterrupted([&] { return ::fsync(fd); }) == 0) return;
  const int number = errno;
  if (number == EINVAL || number == EROFS) return;  // a pipe or a device has nothing to sync
  throw_file_error(path, is_disk_full(number) ? "disk_full" : "sync_failed",
                   "cannot be made durable", number);
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
