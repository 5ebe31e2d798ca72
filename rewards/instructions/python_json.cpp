#include "rewards/instructions/python_json.h"

#include <algorithm>
#include <string>

#include "base/ascii.h"

namespace gradus::rewards {
namespace {

/// Reads one value with everything in it; a stack of open brackets in place of recursion.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool accepts() {
    do {
      if (!begin_value()) return false;
      while (is_whole_ && !open_.empty()) {
        if (!pass_value()) return false;
      }
    } while (!is_whole_);
    skip_blanks();
    return text_.empty();
  }

 private:
  bool take(std::string_view mark) {
    if (!text_.starts_with(mark)) return false;
    text_.remove_prefix(mark.size());
    return true;
  }

  void skip_blanks() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\n\r"), text_.size()));
  }

  // A scalar or an empty container is whole; of another container the first value follows.
  bool begin_value() {
    skip_blanks();
    is_whole_ = true;
    if (take("{")) return open('{', "}");
    if (take("[")) return open('[', "]");
    if (text_.starts_with('"')) return take_string();
    for (const char* word : {"null", "true", "false", "NaN", "Infinity", "-Infinity"}) {
      if (take(word)) return true;
    }
    return take_number();
  }

  bool open(char bracket, std::string_view close) {
    skip_blanks();
    if (take(close)) return true;
    open_ += bracket;
    is_whole_ = false;
    return bracket == '[' || take_key();
  }

  // What stands behind a value: a comma and the next, or the end of the container.
  bool pass_value() {
    skip_blanks();
    if (take(",")) {
      is_whole_ = false;
      return open_.back() == '[' || take_key();
    }
    const bool is_closed = take(open_.back() == '[' ? "]" : "}");
    open_.pop_back();
    return is_closed;
  }

  bool take_key() {
    skip_blanks();
    if (!take_string()) return false;
    skip_blanks();
    return take(":");
  }

  bool take_string() {
    if (!take("\"")) return false;
    while (!text_.empty()) {
      if (take("\"")) return true;
      if (static_cast<unsigned char>(text_.front()) < 0x20) return false;
      if (take("\\")) {
        if (!take_escape()) return false;
      } else {
        text_.remove_prefix(1);
      }
    }
    return false;
  }

  bool take_escape() {
    if (text_.empty()) return false;
    const char kind = text_.front();
    text_.remove_prefix(1);
    if (kind != 'u') return std::string_view("\"\\/bfnrt").find(kind) != std::string_view::npos;
    const auto digits = text_.substr(0, 4);
    text_.remove_prefix(digits.size());
    return digits.size() == 4 &&
           digits.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  }

  bool take_digits() {
    size_t count = 0;
    while (count < text_.size() && is_digit(text_[count])) ++count;
    text_.remove_prefix(count);
    return count > 0;
  }

  // "1." and "1e" are a 1 with something behind it that nobody takes.
  bool take_number() {
    take("-");
    if (!take("0") && !take_digits()) return false;
    if (take(".") && !take_digits()) return false;
    if (!take("e") && !take("E")) return true;
    if (!take("+")) take("-");
    return take_digits();
  }

  std::string_view text_;
  std::string open_;       // brackets, the innermost last
  bool is_whole_ = false;  // the value that was begun last
};

}  // namespace

bool is_json_to_python(std::string_view text) {
  return Scanner(text).accepts();
}

}  // namespace gradus::rewards
