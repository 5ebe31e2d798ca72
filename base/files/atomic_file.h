#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/files/file_descriptor.h"

namespace gradus {

/// A file that appears under its name whole and durable, or not at all.
///
/// Bytes go to a temporary in the same folder (mode 0600, name `.<name>.tmp-XXXXXX`); `commit`
/// gives it the permissions of the old one, makes it durable (fsync), renames it over `path` and
/// makes the rename durable. Until then, and when the object dies without commit, the old file
/// stays as it was and the temporary is removed; a killed process leaves at most the temporary
/// behind. A link is followed. A character device or a pipe with a reader (/dev/null, /dev/stdout)
/// is written to as it is.
/// One thread at a time.
class AtomicFile {
 public:
  /// @throws FileError  the folder is missing or not writable.
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends. @throws FileError  kind "disk_full" or "write_failed", naming the target's path.
  void write(std::span<const std::byte> bytes);
  void write(std::string_view text);

  /// fsync, rename, fsync of the folder. Nothing may be written afterwards.
  /// @throws FileError  the old file is then untouched, unless only the folder's fsync failed.
  void commit();

  const std::filesystem::path& path() const { return path_; }
  int64_t num_bytes() const { return num_bytes_; }

 private:
  std::filesystem::path path_;
  std::string temporary_;
  FileDescriptor fd_;
  uint32_t mode_ = 0600;
  int64_t num_bytes_ = 0;
};

void write_file_atomically(const std::filesystem::path& path, std::string_view text);

/// The whole file. @throws FileError  as open_file; "too_large" (more than max_bytes),
/// "read_failed", "lfs_pointer".
std::string read_file(const std::filesystem::path& path, int64_t max_bytes);

}  // namespace gradus
