#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>

namespace gradus {

/// Owner of one open file descriptor; closes it once.
class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(other.release()) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor() { reset(); }

  int get() const { return fd_; }
  bool is_open() const { return fd_ >= 0; }
  int release();
  void reset();

 private:
  int fd_ = -1;
};

/// Opens with close-on-exec; `flags` and `mode` as for open(2).
/// @throws FileError  kind "missing", "no_permission" or "open_failed".
FileDescriptor open_file(const std::filesystem::path& path, int flags, unsigned mode = 0600);

/// Writes all bytes: short writes and EINTR are carried on from where they stopped.
/// @throws FileError  kind "disk_full" or "write_failed", naming `path`.
void write_all(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path);

/// fsync. @throws FileError  kind "disk_full" or "sync_failed", naming `path`.
void sync_file(int fd, const std::filesystem::path& path);

/// fsync of the folder that holds `path`, so that a rename or a new name in it is durable.
void sync_folder_of(const std::filesystem::path& path);

/// A FileError for the system error `number` (an errno) met while doing `action` to `path`.
[[noreturn]] void throw_file_error(const std::filesystem::path& path, const std::string& kind,
                                   const std::string& action, int number);

}  // namespace gradus
