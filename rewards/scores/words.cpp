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

namespace {

constexpr uint32_t kCapitalSigma = 0x3A3;

utf8proc_category_t category_of(uint32_t value) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(value));
}

bool is_cased(uint32_t value) {
  const auto category = category_of(value);
  if (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LT) return true;
  const auto point = static_cast<utf8proc_int32_t>(value);
  return utf8proc_islower(point) != 0 || utf8proc_isupper(point) != 0;
}

// Unicode's Case_Ignorable: marks, formats, modifiers, and what stands within words.
bool is_case_ignorable(uint32_t value) {
  constexpr std::u32string_view kWithinWords =
      U"'.:\u00B7\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A";
  if (kWithinWords.find(static_cast<char32_t>(value)) != std::u32string_view::npos) return true;
  const auto category = category_of(value);
  return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_ME ||
         category == UTF8PROC_CATEGORY_CF || category == UTF8PROC_CATEGORY_LM ||
         category == UTF8PROC_CATEGORY_SK;
}

bool begins_cased(std::string_view text) {
  while (!text.empty()) {
    const CodePoint point = code_point_at(text, 0);
    if (!is_case_ignorable(point.value)) return is_cased(point.value);
    text.remove_prefix(point.num_bytes);
  }
  return false;
}

bool ends_cased(std::string_view text) {
  while (!text.empty()) {
    size_t at = text.size() - 1;
    while (at > 0 && text.size() - at < 4 && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80)
      --at;
    const uint32_t value = code_point_at(text, at).value;
    if (!is_case_ignorable(value)) return is_cased(value);
    text = text.substr(0, at);
  }
  return false;
}

}  // namespace

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
    const size_t end = i + point.num_bytes;
    if (!point.is_valid) {
      lower += text[i];
      i = end;
      continue;
    }
    auto mapped =
        static_cast<uint32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value)));
    const bool is_final = point.value == kCapitalSigma && ends_cased(text.substr(0, i)) &&
                          !begins_cased(text.substr(end));
    if (is_final) mapped = 0x3C2;
    if (point.value == 0x130) {  // I with a dot keeps its dot
      lower += 'i';
      mapped = 0x307;
    }
    append_code_point(lower, mapped);
    i = end;
  }
  return lower;
}

}  // namespace gradus::rewards
