#pragma once

#include <cerrno>
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

/// A call that says -1 and errno EINTR when a signal came: once more until it says something else.
template <class Call>
auto uninterrupted(Call&& call) {
  for (;;) {
    const auto result = call();
    if (result != -1 || errno != EINTR) return result;
  }
}

/// Opens a file or folder, with close-on-exec; `flags` and `mode` as for open(2).
///
/// Pipes, sockets and devices are refused at once: under the name of a file they would be waited
/// for, or never end. What was handed over as an open descriptor (/dev/stdin, /dev/fd/N, as a shell
/// writes `<(...)`) and /dev/null are opened all the same.
/// @throws FileError  kind "missing", "no_permission", "not_a_file" or "open_failed".
FileDescriptor open_file(const std::filesystem::path& path, int flags, unsigned mode = 0600);

/// Opens a pipe or a character device that stands where output was asked for, to write to it.
/// @throws FileError  kind "open_failed": a pipe that nobody reads, a socket, a disk.
FileDescriptor open_output_stream(const std::filesystem::path& path);

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
