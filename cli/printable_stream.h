#pragma once

#include <ostream>
#include <streambuf>
#include <string>

namespace gradus::cli {

/// What a terminal must not be told by others' text: passes text on to another stream, controls
/// made visible. ESC and the other C0 controls but newline and tab become `\x1b`, as in errors
/// (base/printable.h); DEL, C1 controls and direction overrides become `\u009b`, which JSON reads
/// back as what it was; bytes that are not UTF-8 become `\xff`. Characters may be split over
/// writes.
///
/// Every command writes through one of these (cli/program.cpp), so that no command has to think of
/// it; what draws on a terminal itself is given Session::screen.
class PrintableBuffer final : public std::streambuf {
 public:
  /// @param target  outlives this.
  explicit PrintableBuffer(std::streambuf& target) : target_(target) {}
  ~PrintableBuffer() override;

 protected:
  int_type overflow(int_type c) override;
  std::streamsize xsputn(const char* text, std::streamsize count) override;
  int sync() override;

 private:
  bool put(std::string_view text);
  bool pass(std::string_view bytes);

  std::streambuf& target_;
  std::string pending_;  ///< the bytes of a character that is not complete yet
};

class PrintableStream final : public std::ostream {
 public:
  explicit PrintableStream(std::ostream& target) : std::ostream(nullptr), buffer_(*target.rdbuf()) {
    rdbuf(&buffer_);
    if ((target.flags() & std::ios::unitbuf) != 0) setf(std::ios::unitbuf);
  }

 private:
  PrintableBuffer buffer_;
};

}  // namespace gradus::cli
