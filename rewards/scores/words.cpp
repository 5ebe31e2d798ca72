#include "rewards/scores/words.h"

#include <utf8proc.h>

#include "base/utf8.h"

namespace gradus::rewards {
namespace {

struct WordSplitter {
  std::string_view text;
  bool splits_characters;
  std::vector<std::string_view> words{};
  size_t begin = 0;

  void end_word(size_t end) {
    if (end > begin) words.push_back(text.substr(begin, end - begin));
  }

  std::vector<std::string_view> split() && {
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text, i);
      const size_t next = i + point.num_bytes;
      if (is_white_space(point.value)) {
        end_word(i);
        begin = next;
      } else if (splits_characters && is_character_word(point.value)) {
        end_word(i);
        begin = i;
        end_word(next);
        begin = next;
      }
      i = next;
    }
    end_word(text.size());
    return std::move(words);
  }
};

}  // namespace

bool is_white_space(uint32_t value) {
  if (value <= 0x20) return value == 0x20 || (value >= 0x09 && value <= 0x0D) || value >= 0x1C;
  if (value >= 0x2000 && value <= 0x200A) return true;
  return value == 0x85 || value == 0xA0 || value == 0x1680 || value == 0x2028 || value == 0x2029 ||
         value == 0x202F || value == 0x205F || value == 0x3000;
}

bool is_character_word(uint32_t value) {
  return (value >= 0x3041 && value <= 0x30FF && value != 0x30FB) ||  // kana but the middle dot
         (value >= 0x31F0 && value <= 0x31FF) || (value >= 0x3400 && value <= 0x4DBF) ||
         (value >= 0x4E00 && value <= 0x9FFF) || (value >= 0xF900 && value <= 0xFAFF) ||
         (value >= 0xFF66 && value <= 0xFF9D) || (value >= 0x20000 && value <= 0x323AF) ||
         value == 0x3005 || value == 0x3007;
}

std::string_view stripped(std::string_view text) {
  size_t begin = 0;
  while (begin < text.size()) {
    const CodePoint point = code_point_at(text, begin);
    if (!is_white_space(point.value)) break;
    begin += point.num_bytes;
  }
  text.remove_prefix(begin);
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0U) == 0x80U) --last;
    if (!is_white_space(code_point_at(text, last).value)) break;
    text = text.substr(0, last);
  }
  return text;
}

std::vector<std::string_view> split_words(std::string_view text) {
  return WordSplitter{text, false}.split();
}

std::vector<std::string_view> split_words_and_characters(std::string_view text) {
  return WordSplitter{text, true}.split();
}

std::string lower_case(std::string_view text) {
  std::string lower;
  lower.reserve(text.size());
  for (size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      lower += static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
      ++i;
      continue;
    }
    const CodePoint point = code_point_at(text, i);
    i += point.num_bytes;
    const auto mapped = utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value));
    append_code_point(lower, static_cast<uint32_t>(mapped));
  }
  return lower;
}

}  // namespace gradus::rewards
