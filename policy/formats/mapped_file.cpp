#include "policy/formats/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/files/lfs_pointer.h"

namespace gradus::policy {
MappedFile::MappedFile(const std::filesystem::path& path)
    : path_(path), descriptor_(open_file(path, O_RDONLY)) {
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    throw FileError(path.string(), "not_a_file", "is not a regular file");
  }
  size_ = static_cast<uint64_t>(status.st_size);
  if (size_ == 0) return;
  void* mapping = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, descriptor_.get(), 0);
  if (mapping == MAP_FAILED) throw_file_error(path, "open_failed", "cannot be mapped", errno);
  mapping_ = mapping;
  std::string beginning(std::min<uint64_t>(size_, kLfsPointerBytes), '\0');
  read(0, std::as_writable_bytes(std::span(beginning)));
  refuse_lfs_pointer(beginning, path_);
}

MappedFile::~MappedFile() {
  unmap();
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::move(other.descriptor_)),
      mapping_(std::exchange(other.mapping_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this == &other) return *this;
  unmap();
  path_ = std::move(other.path_);
  descriptor_ = std::move(other.descriptor_);
  mapping_ = std::exchange(other.mapping_, nullptr);
  size_ = std::exchange(other.size_, 0);
  return *this;
}

void MappedFile::unmap() noexcept {
  if (mapping_ != nullptr) ::munmap(mapping_, size_);
  mapping_ = nullptr;
}

void MappedFile::check_range(uint64_t offset, uint64_t size) const {
  if (size <= size_ && offset <= size_ - size) return;
  throw FileError(
      path_.string(), "checkpoint_truncated",
      fmt::format("has {} bytes, but {} bytes at offset {} are wanted", size_, size, offset));
}

void MappedFile::read(uint64_t offset, std::span<std::byte> out) const {
  check_range(offset, out.size());
  while (!out.empty()) {
    // Linux moves at most 2 GiB in one call.
    const size_t wanted = std::min<size_t>(out.size(), size_t{1} << 30);
    const ssize_t got = uninterrupted(
        [&] { return ::pread(descriptor_.get(), out.data(), wanted, static_cast<off_t>(offset)); });
    if (got < 0) throw_file_error(path_, "read_failed", "cannot be read", errno);
    if (got == 0) {
      throw FileError(path_.string(), "checkpoint_truncated",
                      fmt::format("had {} bytes when it was opened and ends at {} now; it was "
                                  "changed while being read",
                                  size_, offset));
    }
    offset += static_cast<uint64_t>(got);
    out = out.subspan(static_cast<size_t>(got));
  }
}

std::span<const std::byte> MappedFile::view(uint64_t offset, uint64_t size) const {
  check_range(offset, size);
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0)
    throw_file_error(path_, "read_failed", "cannot be examined", errno);
  if (static_cast<uint64_t>(status.st_size) < offset + size) {
    throw FileError(
        path_.string(), "checkpoint_truncated",
        fmt::format("had {} bytes when it was opened and has {} now", size_, status.st_size));
  }
  return {static_cast<const std::byte*>(mapping_) + offset, size};
}

void MappedFile::prefetch(uint64_t offset, uint64_t size) const {
  ::posix_fadvise(descriptor_.get(), static_cast<off_t>(offset), static_cast<off_t>(size),
                  POSIX_FADV_WILLNEED);
}

}  // namespace gradus::policy
