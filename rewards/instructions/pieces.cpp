#include "rewards/instructions/pieces.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/utf8.h"
#include "rewards/scores/sentences.h"

namespace gradus::rewards {
namespace {

using Range = std::pair<uint32_t, uint32_t>;

// Unicode's emoji-data.txt, property Emoji, less digits, # and *.
constexpr std::array kEmoji{
    Range{0xA9, 0xA9},       Range{0xAE, 0xAE},       Range{0x203C, 0x203C},
    Range{0x2049, 0x2049},   Range{0x2122, 0x2122},   Range{0x2139, 0x2139},
    Range{0x2194, 0x2199},   Range{0x21A9, 0x21AA},   Range{0x231A, 0x231B},
    Range{0x2328, 0x2328},   Range{0x23CF, 0x23CF},   Range{0x23E9, 0x23F3},
    Range{0x23F8, 0x23FA},   Range{0x24C2, 0x24C2},   Range{0x25AA, 0x25AB},
    Range{0x25B6, 0x25B6},   Range{0x25C0, 0x25C0},   Range{0x25FB, 0x25FE},
    Range{0x2600, 0x2604},   Range{0x260E, 0x260E},   Range{0x2611, 0x2611},
    Range{0x2614, 0x2615},   Range{0x2618, 0x2618},   Range{0x261D, 0x261D},
    Range{0x2620, 0x2620},   Range{0x2622, 0x2623},   Range{0x2626, 0x2626},
    Range{0x262A, 0x262A},   Range{0x262E, 0x262F},   Range{0x2638, 0x263A},
    Range{0x2640, 0x2640},   Range{0x2642, 0x2642},   Range{0x2648, 0x2653},
    Range{0x265F, 0x2660},   Range{0x2663, 0x2663},   Range{0x2665, 0x2666},
    Range{0x2668, 0x2668},   Range{0x267B, 0x267B},   Range{0x267E, 0x267F},
    Range{0x2692, 0x2697},   Range{0x2699, 0x2699},   Range{0x269B, 0x269C},
    Range{0x26A0, 0x26A1},   Range{0x26A7, 0x26A7},   Range{0x26AA, 0x26AB},
    Range{0x26B0, 0x26B1},   Range{0x26BD, 0x26BE},   Range{0x26C4, 0x26C5},
    Range{0x26C8, 0x26C8},   Range{0x26CE, 0x26CF},   Range{0x26D1, 0x26D1},
    Range{0x26D3, 0x26D4},   Range{0x26E9, 0x26EA},   Range{0x26F0, 0x26F5},
    Range{0x26F7, 0x26FA},   Range{0x26FD, 0x26FD},   Range{0x2702, 0x2702},
    Range{0x2705, 0x2705},   Range{0x2708, 0x270D},   Range{0x270F, 0x270F},
    Range{0x2712, 0x2712},   Range{0x2714, 0x2714},   Range{0x2716, 0x2716},
    Range{0x271D, 0x271D},   Range{0x2721, 0x2721},   Range{0x2728, 0x2728},
    Range{0x2733, 0x2734},   Range{0x2744, 0x2744},   Range{0x2747, 0x2747},
    Range{0x274C, 0x274C},   Range{0x274E, 0x274E},   Range{0x2753, 0x2755},
    Range{0x2757, 0x2757},   Range{0x2763, 0x2764},   Range{0x2795, 0x2797},
    Range{0x27A1, 0x27A1},   Range{0x27B0, 0x27B0},   Range{0x27BF, 0x27BF},
    Range{0x2934, 0x2935},   Range{0x2B05, 0x2B07},   Range{0x2B1B, 0x2B1C},
    Range{0x2B50, 0x2B50},   Range{0x2B55, 0x2B55},   Range{0x3030, 0x3030},
    Range{0x303D, 0x303D},   Range{0x3297, 0x3297},   Range{0x3299, 0x3299},
    Range{0x1F004, 0x1F004}, Range{0x1F0CF, 0x1F0CF}, Range{0x1F170, 0x1F171},
    Range{0x1F17E, 0x1F17F}, Range{0x1F18E, 0x1F18E}, Range{0x1F191, 0x1F19A},
    Range{0x1F201, 0x1F202}, Range{0x1F21A, 0x1F21A}, Range{0x1F22F, 0x1F22F},
    Range{0x1F232, 0x1F23A}, Range{0x1F250, 0x1F251}, Range{0x1F300, 0x1F321},
    Range{0x1F324, 0x1F393}, Range{0x1F396, 0x1F397}, Range{0x1F399, 0x1F39B},
    Range{0x1F39E, 0x1F3F0}, Range{0x1F3F3, 0x1F3F5}, Range{0x1F3F7, 0x1F4FD},
    Range{0x1F4FF, 0x1F53D}, Range{0x1F549, 0x1F54E}, Range{0x1F550, 0x1F567},
    Range{0x1F56F, 0x1F570}, Range{0x1F573, 0x1F57A}, Range{0x1F587, 0x1F587},
    Range{0x1F58A, 0x1F58D}, Range{0x1F590, 0x1F590}, Range{0x1F595, 0x1F596},
    Range{0x1F5A4, 0x1F5A5}, Range{0x1F5A8, 0x1F5A8}, Range{0x1F5B1, 0x1F5B2},
    Range{0x1F5BC, 0x1F5BC}, Range{0x1F5C2, 0x1F5C4}, Range{0x1F5D1, 0x1F5D3},
    Range{0x1F5DC, 0x1F5DE}, Range{0x1F5E1, 0x1F5E1}, Range{0x1F5E3, 0x1F5E3},
    Range{0x1F5E8, 0x1F5E8}, Range{0x1F5EF, 0x1F5EF}, Range{0x1F5F3, 0x1F5F3},
    Range{0x1F5FA, 0x1F64F}, Range{0x1F680, 0x1F6C5}, Range{0x1F6CB, 0x1F6D2},
    Range{0x1F6D5, 0x1F6D7}, Range{0x1F6DC, 0x1F6E5}, Range{0x1F6E9, 0x1F6E9},
    Range{0x1F6EB, 0x1F6EC}, Range{0x1F6F0, 0x1F6F0}, Range{0x1F6F3, 0x1F6FC},
    Range{0x1F7E0, 0x1F7EB}, Range{0x1F7F0, 0x1F7F0}, Range{0x1F90C, 0x1F93A},
    Range{0x1F93C, 0x1F945}, Range{0x1F947, 0x1F9FF}, Range{0x1FA70, 0x1FA7C},
    Range{0x1FA80, 0x1FA89}, Range{0x1FA8F, 0x1FAC6}, Range{0x1FACE, 0x1FADC},
    Range{0x1FADF, 0x1FAE9}, Range{0x1FAF0, 0x1FAF8}};

/// The character that ends before `at`; a space at the beginning.
uint32_t character_before(std::string_view text, size_t at) {
  if (at == 0) return ' ';
  size_t begin = at - 1;
  while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0U) == 0x80U)
    --begin;
  return code_point_at(text, begin).value;
}

bool is_boundary(std::string_view text, size_t at) {
  const bool before = at > 0 && is_word_character(character_before(text, at));
  const bool behind = at < text.size() && is_word_character(code_point_at(text, at).value);
  return before != behind;
}

/// Python's csv.reader with its usual dialect, a character at a time.
class CsvReader {
 public:
  explicit CsvReader(char delimiter) : delimiter_(delimiter) {}

  std::vector<std::vector<std::string>> read(std::string_view text) && {
    for (size_t i = 0; i < text.size(); ++i) {
      const char c = text[i];
      if (is_quoted_) {
        in_quotes(text, i);
      } else if (c == '\n' || c == '\r') {
        if (c == '\r' && i + 1 < text.size() && text[i + 1] == '\n') ++i;
        end_row();
      } else {
        outside(c);
      }
    }
    if (has_content_ || is_quoted_) end_row();
    return std::move(rows_);
  }

 private:
  // A doubled quote is one; what follows the closing one goes on as it stands.
  void in_quotes(std::string_view text, size_t& i) {
    if (text[i] != '"') {
      field_ += text[i];
    } else if (i + 1 < text.size() && text[i + 1] == '"') {
      field_ += '"';
      ++i;
    } else {
      is_quoted_ = false;
    }
  }
  void outside(char c) {
    if (c == delimiter_) {
      end_field();
    } else if (c == '"' && field_.empty() && !has_closed_) {
      is_quoted_ = true;
      has_closed_ = true;
    } else {
      field_ += c;
    }
    has_content_ = true;
  }
  void end_field() {
    row_.push_back(std::exchange(field_, {}));
    has_closed_ = false;
  }
  void end_row() {
    if (has_content_ || is_quoted_) end_field();
    rows_.push_back(std::exchange(row_, {}));
    has_content_ = false;
    is_quoted_ = false;
  }

  char delimiter_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::string> row_;
  std::string field_;
  bool is_quoted_ = false;
  bool has_closed_ = false;  ///< the field began with a quote
  bool has_content_ = false;
};

}  // namespace

bool is_punctuation(uint32_t value) {
  return (value >= 0x21 && value <= 0x2F) || (value >= 0x3A && value <= 0x40) ||
         (value >= 0x5B && value <= 0x60) || (value >= 0x7B && value <= 0x7E);
}

std::string without_punctuation(std::string_view text) {
  std::string kept;
  for (const char c : text)
    if (!is_punctuation(static_cast<unsigned char>(c))) kept += c;
  return kept;
}

std::string_view without_outer_marks(std::string_view text, bool before, bool after) {
  const auto is_mark = [](char c) {
    return c == ' ' || is_punctuation(static_cast<unsigned char>(c));
  };
  while (before && !text.empty() && is_mark(text.front())) text.remove_prefix(1);
  while (after && !text.empty() && is_mark(text.back())) text.remove_suffix(1);
  return text;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view mark) {
  std::vector<std::string_view> parts;
  for (size_t at; (at = text.find(mark)) != std::string_view::npos;) {
    parts.push_back(text.substr(0, at));
    text.remove_prefix(at + mark.size());
  }
  parts.push_back(text);
  return parts;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  return split_at(text, "\n");
}

std::vector<uint32_t> code_points(std::string_view text) {
  std::vector<uint32_t> points;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    points.push_back(point.value);
    i += point.num_bytes;
  }
  return points;
}

uint32_t first_character(std::string_view text) {
  return text.empty() ? 0 : code_point_at(text, 0).value;
}

int64_t count_of(std::string_view text, std::string_view part) {
  return static_cast<int64_t>(split_at(text, part).size()) - 1;
}

bool has_word(std::string_view text, std::string_view word) {
  if (word.empty()) return false;
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1))
    if (is_boundary(text, at) && is_boundary(text, at + word.size())) return true;
  return false;
}

std::string ascii_of(std::string_view text) {
  const std::string valid = to_valid_utf8(text);
  utf8proc_uint8_t* mapped = nullptr;
  const auto size = utf8proc_map(
      reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
      static_cast<utf8proc_ssize_t>(valid.size()), &mapped,
      static_cast<utf8proc_option_t>(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_STABLE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owned(mapped, std::free);
  std::string ascii;
  for (utf8proc_ssize_t i = 0; i < size; ++i)
    if (mapped[i] < 0x80) ascii += static_cast<char>(mapped[i]);
  return ascii;
}

bool is_emoji(uint32_t value) {
  return std::ranges::any_of(kEmoji, [value](const Range& range) {
    return value >= range.first && value <= range.second;
  });
}

std::vector<std::vector<std::string>> csv_rows(std::string_view text, char delimiter) {
  return CsvReader(delimiter).read(text);
}

}  // namespace gradus::rewards
