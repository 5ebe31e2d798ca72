#include "rewards/answers/math_text.h"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/utf8.h"

namespace gradus::rewards {
namespace {

using Spelling = std::pair<uint32_t, const char*>;
constexpr std::array kSpellings{
    Spelling{0x00A0, " "},     Spelling{0x3000, " "},     Spelling{0x202F, " "},
    Spelling{0x205F, " "},     Spelling{0xFEFF, ""},      Spelling{0x2060, ""},
    Spelling{0x2212, "-"},     Spelling{0xFE63, "-"},     Spelling{0x00D7, "*"},
    Spelling{0x00B7, "*"},     Spelling{0x22C5, "*"},     Spelling{0x00F7, "/"},
    Spelling{0x2044, "/"},     Spelling{0x2215, "/"},     Spelling{0x20AC, "$"},
    Spelling{0x00A3, "$"},     Spelling{0x00A5, "$"},     Spelling{0x20B9, "$"},
    Spelling{0x20BD, "$"},     Spelling{0x20A9, "$"},     Spelling{0x00B0, " deg"},
    Spelling{0x00B2, "^2"},    Spelling{0x00B3, "^3"},    Spelling{0x2018, "'"},
    Spelling{0x2019, "'"},     Spelling{0x201C, "\""},    Spelling{0x201D, "\""},
    Spelling{0x3002, "."},     Spelling{0x00BD, " 1/2 "}, Spelling{0x00BC, " 1/4 "},
    Spelling{0x00BE, " 3/4 "}, Spelling{0x2153, " 1/3 "}, Spelling{0x2154, " 2/3 "},
    Spelling{0x2155, " 1/5 "}, Spelling{0x215B, " 1/8 "}, Spelling{0x215C, " 3/8 "},
    Spelling{0x215D, " 5/8 "}, Spelling{0x215E, " 7/8 "},
};

void append_plain(std::string& out, std::string_view text, size_t at, const CodePoint& point) {
  for (const auto& [value, spelling] : kSpellings) {
    if (point.value == value) {
      out += spelling;
      return;
    }
  }
  if (point.value >= 0xFF01 && point.value <= 0xFF5E) {
    out += static_cast<char>(point.value - 0xFF01 + 0x21);
  } else if (point.value >= 0x2000 && point.value <= 0x200A) {
    out += ' ';
  } else if (point.value >= 0x2010 && point.value <= 0x2015) {
    out += '-';
  } else if (point.value < 0x200B || point.value > 0x200D) {
    out.append(text, at, point.num_bytes);
  }
}

enum class Command { keep, drop, space, times, fraction, unwrap, degree };

Command command_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Command>, 29> kCommands{{
      {"left", Command::drop},         {"right", Command::drop},
      {"displaystyle", Command::drop}, {"big", Command::drop},
      {"Big", Command::drop},          {"bigl", Command::drop},
      {"bigr", Command::drop},         {"quad", Command::space},
      {"qquad", Command::space},       {"times", Command::times},
      {"cdot", Command::times},        {"dfrac", Command::fraction},
      {"tfrac", Command::fraction},    {"cfrac", Command::fraction},
      {"text", Command::unwrap},       {"textbf", Command::unwrap},
      {"textit", Command::unwrap},     {"textrm", Command::unwrap},
      {"textnormal", Command::unwrap}, {"mathrm", Command::unwrap},
      {"mathbf", Command::unwrap},     {"mathit", Command::unwrap},
      {"mbox", Command::unwrap},       {"hbox", Command::unwrap},
      {"boldsymbol", Command::unwrap}, {"operatorname", Command::unwrap},
      {"degree", Command::degree},     {"circ", Command::degree},
      {"boxed", Command::unwrap},
  }};
  for (const auto& [command, kind] : kCommands) {
    if (name == command) return kind;
  }
  return Command::keep;
}

class Plainer {
 public:
  explicit Plainer(std::string_view text) : text_(text) { out_.reserve(text.size()); }

  std::string run() && {
    while (at_ < text_.size()) step();
    return std::move(out_);
  }

 private:
  void step() {
    const char c = text_[at_];
    if (c == '\\') return command();
    if (c == '{') {
      if (text_.substr(at_, 3) == "{,}") {
        out_ += ',';
        at_ += 3;
        return;
      }
      return open(false);
    }
    if (c == '}') return close();
    if (static_cast<unsigned char>(c) < 0x80) {
      out_ += c == '~' || c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
      ++at_;
      return;
    }
    const CodePoint point = code_point_at(text_, at_);
    append_plain(out_, text_, at_, point);
    at_ += point.num_bytes;
  }

  void open(bool is_unwrapped) {
    is_unwrapped_.push_back(is_unwrapped);
    out_ += is_unwrapped ? ' ' : '{';
    ++at_;
  }

  void close() {
    const bool is_unwrapped = !is_unwrapped_.empty() && is_unwrapped_.back();
    if (!is_unwrapped_.empty()) is_unwrapped_.pop_back();
    out_ += is_unwrapped ? ' ' : '}';
    ++at_;
  }

  void command() {
    size_t end = at_ + 1;
    while (end < text_.size() && is_letter(text_[end])) ++end;
    if (end == at_ + 1) return symbol_command();
    const std::string_view name = text_.substr(at_ + 1, end - at_ - 1);
    switch (command_of(name)) {
      case Command::keep:
        out_.append(text_, at_, end - at_);
        break;
      case Command::drop:
        break;
      case Command::space:
        out_ += ' ';
        break;
      case Command::times:
        out_ += '*';
        break;
      case Command::fraction:
        out_ += "\\frac";
        break;
      case Command::degree:
        drop_superscript();
        out_ += " deg ";
        break;
      case Command::unwrap:
        at_ = end;
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
        if (at_ < text_.size() && text_[at_] == '{') open(true);
        return;
    }
    at_ = end;
  }

  // `^\circ` and `^{\circ}` are a unit, not a power. The brace's end then closes an unwrapped one.
  void drop_superscript() {
    if (out_.ends_with('{') && !is_unwrapped_.empty()) {
      out_.pop_back();
      is_unwrapped_.back() = true;
    }
    if (out_.ends_with('^')) out_.pop_back();
  }

  void symbol_command() {
    const char symbol = at_ + 1 < text_.size() ? text_[at_ + 1] : ' ';
    at_ += at_ + 1 < text_.size() ? 2 : 1;
    switch (symbol) {
      case '!':
        while (at_ < text_.size() && text_[at_] == ' ') ++at_;
        return;
      case ',':
      case ';':
      case ':':
      case ' ':
      case '\\':
        out_ += ' ';
        return;
      case '$':
      case '%':
      case '#':
      case '&':
      case '_':
        out_ += symbol;
        return;
      case '(':
      case ')':
      case '[':
      case ']':
        out_ += ' ';
        return;
      default:
        out_ += {'\\', symbol};
        return;
    }
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string out_;
  std::vector<bool> is_unwrapped_;
};

bool strip_pair(std::string_view& text, std::string_view open, std::string_view close) {
  if (text.size() < open.size() + close.size() + 1) return false;
  if (!text.starts_with(open) || !text.ends_with(close)) return false;
  const auto inside = text.substr(open.size(), text.size() - open.size() - close.size());
  // "$5 and $6" is not dressed in dollars.
  if (inside.find(open) != std::string_view::npos) return false;
  text = trimmed(inside);
  return true;
}

bool strip_final_mark(std::string_view& text) {
  constexpr std::string_view kMarks = ".,;:";
  if (text.size() < 2 || kMarks.find(text.back()) == std::string_view::npos) return false;
  text = trimmed(text.substr(0, text.size() - 1));
  return true;
}

// "x =", "v_0 =", "= "; one name only, so that "x + y = 5" keeps its left side.
bool strip_name_before_equals(std::string_view& text) {
  const auto equals = text.find('=');
  if (equals == std::string_view::npos || equals + 1 >= text.size()) return false;
  if (text.find('=', equals + 1) != std::string_view::npos) return false;
  const std::string_view name = trimmed(text.substr(0, equals));
  if (name.size() > 12 || (!name.empty() && !is_letter(name.front()))) return false;
  for (const char c : name) {
    if (!is_letter(c) && !is_digit(c) && c != '_') return false;
  }
  text = trimmed(text.substr(equals + 1));
  return true;
}

}  // namespace

std::string plain_math_text(std::string_view text) {
  return Plainer(text).run();
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n\v\f";
  const auto begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kSpace) - begin + 1);
}

std::string_view undressed(std::string_view text) {
  constexpr int kMaxLayers = 12;
  text = trimmed(text);
  for (int layer = 0; layer < kMaxLayers; ++layer) {
    const bool is_stripped = strip_pair(text, "$$", "$$") || strip_pair(text, "$", "$") ||
                             strip_pair(text, "\\(", "\\)") || strip_pair(text, "\\[", "\\]") ||
                             strip_pair(text, "**", "**") || strip_pair(text, "__", "__") ||
                             strip_pair(text, "`", "`") || strip_pair(text, "\"", "\"") ||
                             strip_pair(text, "'", "'") || strip_final_mark(text) ||
                             strip_name_before_equals(text);
    if (!is_stripped) break;
  }
  return text;
}

}  // namespace gradus::rewards
