#include "base/files/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/error.h"
#include "base/files/lfs_pointer.h"

namespace gradus {
namespace {

// A device, pipe or socket, which a rename would put a file in place of.
bool is_stream(const std::filesystem::path& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  return !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)) {
  if (!path_.has_filename()) throw FileError(path_.string(), "not_a_file", "names no file");
  if (is_stream(path_)) {
    fd_ = open_output_stream(path_);
    return;
  }
  std::error_code is_broken;
  if (std::filesystem::is_symlink(path_)) {
    const auto target = std::filesystem::weakly_canonical(path_, is_broken);
    if (!is_broken) path_ = target;
  }
  struct stat old {};
  if (::stat(path_.c_str(), &old) == 0) mode_ = old.st_mode & 07777;
  temporary_ = (path_.parent_path() / ("." + path_.filename().string() + ".tmp-XXXXXX")).string();
  const std::string pattern = temporary_;
  const int fd = uninterrupted([&] {
    temporary_ = pattern;  // a failed call leaves a name in it
    return ::mkostemp(temporary_.data(), O_CLOEXEC);
  });
  if (fd < 0) {
    temporary_.clear();
    throw_file_error(path_, errno == ENOENT ? "missing" : "open_failed",
                     "its folder takes no new file", errno);
  }
  fd_ = FileDescriptor(fd);
}

AtomicFile::~AtomicFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::write(std::span<const std::byte> bytes) {
  if (!fd_.is_open()) throw FileError(path_.string(), "write_failed", "was already committed");
  write_all(fd_.get(), bytes, path_);
  num_bytes_ += static_cast<int64_t>(bytes.size());
}

void AtomicFile::write(std::string_view text) {
  write(std::as_bytes(std::span(text)));
}

void AtomicFile::commit() {
  if (!fd_.is_open()) throw FileError(path_.string(), "write_failed", "was already committed");
  const bool is_file = !temporary_.empty();
  if (is_file) {
    uninterrupted([&] {
      return ::fchmod(fd_.get(), mode_);
    });  // where a file system has no modes, none is lost
    sync_file(fd_.get(), path_);
  }
  // Network file systems report a failed write at close.
  if (::close(fd_.release()) != 0 && errno != EINTR) {
    throw_file_error(path_, "write_failed", "cannot be closed", errno);
  }
  if (!is_file) return;
  if (uninterrupted([&] { return ::rename(temporary_.c_str(), path_.c_str()); }) != 0) {
    throw_file_error(path_, "rename_failed", "cannot be replaced", errno);
  }
  temporary_.clear();
  sync_folder_of(path_);
}

void write_file_atomically(const std::filesystem::path& path, std::string_view text) {
  AtomicFile file(path);
  file.write(text);
  file.commit();
}

std::string read_file(const std::filesystem::path& path, int64_t max_bytes) {
  const FileDescriptor fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw_file_error(path, "read_failed", "cannot be read", errno);
  }
  if (S_ISDIR(status.st_mode)) throw FileError(path.string(), "not_a_file", "is a folder");
  const auto refuse_size = [&] {
    throw FileError(path.string(), "too_large",
                    "has more than the " + std::to_string(max_bytes) + " bytes allowed here");
  };
  if (status.st_size > max_bytes) refuse_size();
  std::string text;
  // The size is a hint only: the file may grow, and /proc reports 0.
  text.resize(static_cast<size_t>(status.st_size) + 1);
  size_t used = 0;
  for (;;) {
    const ssize_t count =
        uninterrupted([&] { return ::read(fd.get(), text.data() + used, text.size() - used); });
    if (count < 0) throw_file_error(path, "read_failed", "cannot be read", errno);
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (static_cast<int64_t>(used) > max_bytes) refuse_size();
    if (used == text.size()) text.resize(text.size() * 2);
  }
  text.resize(used);
  refuse_lfs_pointer(text, path);
  return text;
}

}  // namespace gradus
