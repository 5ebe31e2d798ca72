#include "base/files/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "base/error.h"

namespace gradus {

AppendFile::AppendFile(std::filesystem::path path) : path_(std::move(path)) {
  fd_ = open_file(path_, O_WRONLY | O_CREAT | O_APPEND);
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) {
    throw_file_error(path_, "open_failed", "cannot be measured", errno);
  }
  num_bytes_ = status.st_size;
}

void AppendFile::append_line(std::string_view line) {
  if (line.find('\n') != std::string_view::npos) {
    throw ArgumentError(path_.string() + ": a line to append holds a newline");
  }
  std::string bytes(line);
  bytes += '\n';
  write_all(fd_.get(), std::as_bytes(std::span(bytes)), path_);
  num_bytes_ += static_cast<int64_t>(bytes.size());
}

void AppendFile::sync() {
  sync_file(fd_.get(), path_);
}

void AppendFile::truncate_to(int64_t num_bytes) {
  if (num_bytes < 0 || num_bytes > num_bytes_) {
    throw FileError(path_.string(), "truncated",
                    "has " + std::to_string(num_bytes_) + " bytes, expected at least " +
                        std::to_string(num_bytes));
  }
  if (uninterrupted([&] { return ::ftruncate(fd_.get(), num_bytes); }) != 0) {
    throw_file_error(path_, "write_failed", "cannot be truncated", errno);
  }
  num_bytes_ = num_bytes;
}

}  // namespace gradus
