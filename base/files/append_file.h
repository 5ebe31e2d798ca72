#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/files/file_descriptor.h"

namespace gradus {

/// A record that grows by whole lines (metrics.jsonl, samples): one write(2) a line in append mode.
///
/// After a crash the last line may be torn; a resumed run calls `truncate_to` with the size that
/// its checkpoint noted. One thread at a time.
class AppendFile {
 public:
  /// Opens or creates (mode 0600). @throws FileError
  explicit AppendFile(std::filesystem::path path);

  /// Appends `line` and a newline; the line itself must hold none.
  /// @throws FileError  kind "disk_full" or "write_failed".
  void append_line(std::string_view line);

  /// Makes all lines so far durable (fsync).
  void sync();

  /// Drops what lies past num_bytes. @throws FileError  the file is shorter than that.
  void truncate_to(int64_t num_bytes);

  int64_t num_bytes() const { return num_bytes_; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  FileDescriptor fd_;
  int64_t num_bytes_ = 0;
};

}  // namespace gradus
