// Regular expressions as grammars.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "service/grammar/grammar.h"

namespace gradus::service {
namespace {

using Ranges = std::vector<std::pair<uint32_t, uint32_t>>;

constexpr uint32_t kLastCharacter = 0x10FFFF;
constexpr int kMaxRepeats = 2000;
constexpr int kMaxGroups = 200;

Ranges complement(Ranges ranges) {
  std::ranges::sort(ranges);
  Ranges out;
  uint32_t next = 0;
  for (const auto& [low, high] : ranges) {
    if (low > next) out.emplace_back(next, low - 1);
    next = std::max(next, high + 1);
  }
  if (next <= kLastCharacter) out.emplace_back(next, kLastCharacter);
  return out;
}

std::optional<Ranges> class_of(char letter) {
  switch (letter) {
    case 'd':
      return Ranges{{'0', '9'}};
    case 'w':
      return Ranges{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    case 's':
      return Ranges{{'\t', '\r'}, {' ', ' '}};
    case 'D':
      return complement({{'0', '9'}});
    case 'W':
      return complement({{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}});
    case 'S':
      return complement({{'\t', '\r'}, {' ', ' '}});
    default:
      return std::nullopt;
  }
}

class RegexReader {
 public:
  RegexReader(std::string_view pattern, Grammar& grammar)
      : rest_(pattern), size_(pattern.size()), grammar_(grammar) {}

  void read() {
    if (!rest_.empty() && rest_.front() == '^') rest_.remove_prefix(1);
    grammar_.add_alternative(0, {read_choices(0)});
    if (!rest_.empty()) refuse("a closing bracket without an opening one");
  }

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw GrammarError(fmt::format("at byte {} of the pattern: {}", size_ - rest_.size(), why));
  }

  bool take(char wanted) {
    if (rest_.empty() || rest_.front() != wanted) return false;
    rest_.remove_prefix(1);
    return true;
  }

  Grammar::Symbol read_choices(int depth) {
    if (depth > kMaxGroups) refuse("groups are nested too deeply");
    std::vector<Grammar::Sequence> choices;
    do {
      choices.push_back(read_sequence(depth));
    } while (take('|'));
    return grammar_.either(choices);
  }

  Grammar::Sequence read_sequence(int depth) {
    Grammar::Sequence sequence;
    while (!rest_.empty() && rest_.front() != '|' && rest_.front() != ')') {
      if (rest_.front() == '$') {
        rest_.remove_prefix(1);
        if (depth > 0 || !rest_.empty()) refuse("`$` is known at the end alone");
        break;
      }
      const auto atom = read_atom(depth);
      sequence.push_back(read_repeats(atom));
    }
    return sequence;
  }

  Grammar::Symbol read_atom(int depth) {
    if (take('(')) {
      if (take('?') && !take(':')) refuse("groups are `(...)` or `(?:...)`");
      const auto inner = read_choices(depth + 1);
      if (!take(')')) refuse("a group is not closed");
      return inner;
    }
    if (take('[')) return grammar_.characters(read_class());
    if (take('.')) return grammar_.characters(complement({{'\n', '\n'}}));
    if (rest_.front() == '^') refuse("`^` is known at the begin alone");
    if (std::string_view("*+?{").find(rest_.front()) != std::string_view::npos)
      refuse("nothing to repeat");
    if (take('\\')) {
      if (!rest_.empty()) {
        if (const auto known = class_of(rest_.front())) {
          rest_.remove_prefix(1);
          return grammar_.characters(*known);
        }
      }
      const uint32_t code = read_escape();
      return grammar_.characters({{code, code}});
    }
    const uint32_t code = read_character();
    return grammar_.characters({{code, code}});
  }

  Grammar::Symbol read_repeats(Grammar::Symbol atom) {
    int low = 1;
    int high = 1;
    if (take('*')) {
      low = 0;
      high = -1;
    } else if (take('+')) {
      high = -1;
    } else if (take('?')) {
      low = 0;
    } else if (take('{')) {
      low = read_number();
      high = take(',') ? (!rest_.empty() && rest_.front() == '}' ? -1 : read_number()) : low;
      if (!take('}')) refuse("a count is not closed");
      if (high >= 0 && high < low) refuse("a count ends before it begins");
    } else {
      return atom;
    }
    take('?');  // how eager a match is does not change which texts there are
    if (!rest_.empty() && rest_.front() == '+') refuse("possessive repeats are not known");
    return grammar_.repeated({atom}, low, high);
  }

  int read_number() {
    int number = 0;
    if (rest_.empty() || rest_.front() < '0' || rest_.front() > '9') refuse("a number is missing");
    while (!rest_.empty() && rest_.front() >= '0' && rest_.front() <= '9') {
      number = number * 10 + (rest_.front() - '0');
      if (number > kMaxRepeats) refuse("a count is above 2000");
      rest_.remove_prefix(1);
    }
    return number;
  }

  Ranges read_class() {
    const bool is_inverse = take('^');
    Ranges ranges;
    for (bool is_first = true; is_first || rest_.empty() || rest_.front() != ']';
         is_first = false) {
      if (rest_.empty()) refuse("a class is not closed");
      if (rest_.size() > 1 && rest_[0] == '\\') {
        if (const auto known = class_of(rest_[1])) {
          rest_.remove_prefix(2);
          ranges.insert(ranges.end(), known->begin(), known->end());
          continue;
        }
      }
      if (rest_.starts_with("[:")) refuse("named classes are not known");
      const uint32_t low = take('\\') ? read_escape() : read_character();
      uint32_t high = low;
      if (rest_.size() > 1 && rest_[0] == '-' && rest_[1] != ']') {
        rest_.remove_prefix(1);
        high = take('\\') ? read_escape() : read_character();
        if (high < low) refuse("a range ends before it begins");
      }
      ranges.emplace_back(low, high);
    }
    rest_.remove_prefix(1);
    return is_inverse ? complement(ranges) : ranges;
  }

  uint32_t read_hex(size_t digits) {
    if (rest_.size() < digits) refuse("an escape is cut off");
    uint32_t value = 0;
    for (size_t i = 0; i < digits; ++i) {
      const char c = rest_[i];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) refuse("an escape holds no hexadecimal number");
      value = value * 16 + static_cast<uint32_t>(digit);
    }
    rest_.remove_prefix(digits);
    return value;
  }

  uint32_t read_escape() {
    if (rest_.empty()) refuse("a backslash at the end");
    const char letter = rest_.front();
    rest_.remove_prefix(1);
    switch (letter) {
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'f':
        return '\f';
      case 'v':
        return '\v';
      case '0':
        return 0;
      case 'x':
        return read_hex(2);
      case 'u':
        return read_hex(4);
      default:
        break;
    }
    const bool is_word = (letter >= '0' && letter <= '9') || (letter >= 'a' && letter <= 'z') ||
                         (letter >= 'A' && letter <= 'Z');
    if (is_word || (static_cast<unsigned char>(letter) & 0x80) != 0)
      refuse(fmt::format("the escape \\{} is not known", is_word ? std::string(1, letter) : "?"));
    return static_cast<unsigned char>(letter);
  }

  uint32_t read_character() {
    const auto first = static_cast<unsigned char>(rest_.front());
    const size_t count = first < 0x80 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
    if (!is_valid_utf8(rest_.substr(0, count))) refuse("a byte that is not UTF-8");
    uint32_t code = count == 1 ? first : first & (0x7FU >> count);
    for (size_t i = 1; i < count; ++i)
      code = (code << 6) | (static_cast<unsigned char>(rest_[i]) & 0x3F);
    rest_.remove_prefix(count);
    return code;
  }

  std::string_view rest_;
  size_t size_;
  Grammar& grammar_;
};

}  // namespace

Grammar grammar_of_regex(std::string_view pattern) {
  Grammar grammar;
  RegexReader(pattern, grammar).read();
  return grammar;
}

}  // namespace gradus::service
