#include "base/files/jsonl.h"

#include <cstring>

#include "base/error.h"
#include "base/files/byte_stream.h"

namespace gradus {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 18;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_blank(std::string_view text) {
  return text.find_first_not_of(" \t\r\v\f") == std::string_view::npos;
}

}  // namespace

LineReader::LineReader(std::filesystem::path path, int64_t max_line_bytes)
    : path_(std::move(path)), max_line_bytes_(max_line_bytes) {
  stream_ = std::make_unique<ByteStream>(path_);
  buffer_.resize(kBufferBytes);
  if (path_.extension() == ".gz" && !stream_->is_gzip()) {
    throw FileError(path_.string(), "corrupt", "is named .gz but does not begin as gzip does");
  }
}

LineReader::~LineReader() = default;

std::string LineReader::where() const {
  return path_.string() + ":" + std::to_string(number_);
}

bool LineReader::fill() {
  const ByteStream::Part part = stream_->read(buffer_);
  const std::string place = "after line " + std::to_string(number_);
  if (part.outcome == ByteStream::Outcome::truncated) {
    throw FileError(
        path_.string(), "truncated",
        "its gzip data end too early, " + place + "; the download or copy is incomplete");
  }
  if (part.outcome == ByteStream::Outcome::corrupt) {
    throw FileError(path_.string(), "corrupt", "its gzip data are damaged " + place);
  }
  begin_ = 0;
  end_ = part.size;
  return part.size > 0;
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
