#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace gradus {

/// One line of a text file.
struct TextLine {
  int64_t number = 0;     // from 1, blank lines counted
  std::string_view text;  // without line end; valid until the next call
};

/// Lines of a .jsonl or .jsonl.gz file, streamed: memory is bounded by the longest line.
///
/// Gzip is recognised by its first bytes (several members may follow each other). A byte order
/// mark, CRLF, blank lines and a missing last newline are accepted. One thread at a time.
class LineReader {
 public:
  static constexpr int64_t kMaxLineBytes = int64_t{32} << 20;

  /// @throws FileError  as open_file, a folder, or a .gz name on a file that is not gzip.
  explicit LineReader(std::filesystem::path path, int64_t max_line_bytes = kMaxLineBytes);
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  /// The next line that is not blank; nullopt at the end.
  /// @throws FileError  kind "line_too_long" with its number, "truncated" (gzip ends too early),
  ///                    "corrupt" (checksum or data of gzip), "read_failed".
  std::optional<TextLine> next();

  /// "path:number" of the last line, to begin an error with.
  std::string where() const;

 private:
  bool fill();
  bool read_line();

  std::filesystem::path path_;
  int64_t max_line_bytes_;
  std::unique_ptr<class ByteStream> stream_;
  std::string buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  std::string line_;
  int64_t number_ = 0;
};

}  // namespace gradus
