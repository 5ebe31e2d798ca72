#include "base/files/jsonl.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/error.h"
#include "base/files/file_descriptor.h"

namespace gradus {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\v\f") == std::string_view::npos;
}

gzFile open_stream(const std::filesystem::path& path) {
  FileDescriptor fd = open_file(path, O_RDONLY);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) {
    throw_file_error(path, "read_failed", "cannot be read", errno);
  }
  if (S_ISDIR(status.st_mode)) throw FileError(path.string(), "not_a_file", "is a folder");
  gzFile stream = gzdopen(fd.get(), "rb");
  if (stream == nullptr) throw FileError(path.string(), "read_failed", "no memory to read it");
  fd.release();
  gzbuffer(stream, kBufferBytes);
  return stream;
}

}  // namespace

struct LineReader::Stream {
  explicit Stream(gzFile opened) : file(opened) {}
  ~Stream() { gzclose_r(file); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  gzFile file;
};

LineReader::LineReader(std::filesystem::path path, int64_t max_line_bytes)
    : path_(std::move(path)), max_line_bytes_(max_line_bytes) {
  stream_ = std::make_unique<Stream>(open_stream(path_));
  buffer_.resize(kBufferBytes);
  if (path_.extension() == ".gz" && gzdirect(stream_->file) == 1) {
    throw FileError(path_.string(), "corrupt", "is named .gz but does not begin as gzip does");
  }
}

LineReader::~LineReader() = default;

std::string LineReader::where() const {
  return path_.string() + ":" + std::to_string(number_);
}

bool LineReader::fill() {
  const int count = gzread(stream_->file, buffer_.data(), static_cast<unsigned>(buffer_.size()));
  int error = Z_OK;
  const char* text = gzerror(stream_->file, &error);
  // zlib hands out what it could unpack and notes the missing end beside it.
  if (error == Z_BUF_ERROR) {
    throw FileError(path_.string(), "truncated",
                    "its gzip data end too early, after line " + std::to_string(number_) +
                        "; the download or copy is incomplete");
  }
  if (error == Z_ERRNO) throw_file_error(path_, "read_failed", "cannot be read", errno);
  if (count < 0 || (error != Z_OK && error != Z_STREAM_END)) {
    throw FileError(
        path_.string(), "corrupt",
        "its gzip data are damaged after line " + std::to_string(number_) + " (" + text + ")");
  }
  begin_ = 0;
  end_ = static_cast<size_t>(count);
  return count > 0;
}

bool LineReader::read_line() {
  line_.clear();
  bool has_any = false;
  for (;;) {
    if (begin_ == end_ && !fill()) break;
    has_any = true;
    const char* start = buffer_.data() + begin_;
    const void* newline = std::memchr(start, '\n', end_ - begin_);
    const size_t count =
        newline == nullptr ? end_ - begin_ : static_cast<const char*>(newline) - start;
    if (static_cast<int64_t>(line_.size() + count) > max_line_bytes_) {
      throw FileError(path_.string() + ":" + std::to_string(number_ + 1), "line_too_long",
                      "the line has more than " + std::to_string(max_line_bytes_) + " bytes");
    }
    line_.append(start, count);
    begin_ += count;
    if (newline != nullptr) {
      ++begin_;
      break;
    }
  }
  if (has_any) ++number_;
  return has_any;
}

std::optional<TextLine> LineReader::next() {
  while (read_line()) {
    std::string_view text = line_;
    if (number_ == 1 && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    if (text.ends_with('\r')) text.remove_suffix(1);
    if (!is_blank(text)) return TextLine{number_, text};
  }
  return std::nullopt;
}

}  // namespace gradus
