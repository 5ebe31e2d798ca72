#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

#include "base/files/file_descriptor.h"

namespace gradus::policy {

/// A file mapped read-only, for as long as the object lives.
///
/// Reading a mapping past the end of a file that someone truncated meanwhile kills the process
/// with SIGBUS, and checking the size first leaves a gap in which it can shrink. So untrusted bytes
/// are never dereferenced: `read` lets the kernel copy them out of the same page cache, where a
/// truncation is a short read and becomes a FileError. `view` gives the mapping itself to callers
/// who know that nobody else writes the file.
///
/// Several threads may read at once.
class MappedFile {
 public:
  /// @throws gradus::FileError  missing, no_permission, open_failed (mmap too), not_a_file,
  ///                            lfs_pointer.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  const std::filesystem::path& path() const { return path_; }

  /// Size when it was opened.
  uint64_t size() const { return size_; }

  /// Copies bytes [offset, offset + out.size()).
  /// @throws gradus::FileError  checkpoint_truncated when the range is not in the file (any more),
  ///                            read_failed on an I/O error.
  void read(uint64_t offset, std::span<std::byte> out) const;

  /// The mapped bytes [offset, offset + size), after a check that the file still has them.
  /// @throws gradus::FileError  checkpoint_truncated.
  std::span<const std::byte> view(uint64_t offset, uint64_t size) const;

  /// Tells the kernel that the range will be read soon, front to back.
  void prefetch(uint64_t offset, uint64_t size) const;

 private:
  void check_range(uint64_t offset, uint64_t size) const;
  void unmap() noexcept;

  std::filesystem::path path_;
  FileDescriptor descriptor_;
  void* mapping_ = nullptr;
  uint64_t size_ = 0;
};

}  // namespace gradus::policy
