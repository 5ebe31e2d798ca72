#include "rewards/instructions/syllables.h"

#include <algorithm>
#include <array>

namespace gradus::rewards {
namespace {

bool is_vowel(char c) {
  return std::string_view("aeiouy").find(c) != std::string_view::npos;
}

bool has_ending(std::string_view word, std::initializer_list<std::string_view> ends) {
  return std::ranges::any_of(ends, [&](std::string_view end) { return word.ends_with(end); });
}

/// Groups of vowels, and one more for every pair of them that is spoken apart.
int64_t vowel_groups(std::string_view word) {
  constexpr std::array<std::string_view, 9> kApart{"ia", "io", "iu", "eo", "ua",
                                                   "uo", "ya", "yo", "iou"};
  int64_t count = 0;
  for (size_t i = 0; i < word.size();) {
    if (!is_vowel(word[i])) {
      ++i;
      continue;
    }
    const size_t begin = i;
    while (i < word.size() && is_vowel(word[i])) ++i;
    ++count;
    const auto group = word.substr(begin, i - begin);
    const auto before = word.substr(0, begin);
    // tion, cious, gion, qua: one.
    const bool is_soft = group.starts_with('i') && has_ending(before, {"t", "c", "s", "g", "x"});
    const bool is_glide = has_ending(before, {"q", "ng"}) || (begin == 0 && group[0] == 'y');
    const bool is_apart = std::ranges::find(kApart, group) != kApart.end();
    if (is_apart && !is_soft && !is_glide) ++count;
  }
  return count;
}

/// An e at the end, or before a closing s or d, that nobody speaks.
bool has_silent_e(std::string_view word) {
  if (word.size() < 3) return false;
  if (word.ends_with("e")) {
    if (word.ends_with("le")) return is_vowel(word[word.size() - 3]);  // table is two, whole one
    return !is_vowel(word[word.size() - 2]);
  }
  if (word.size() < 4) return false;
  const char before = word[word.size() - 3];
  if (word.ends_with("ed")) return !is_vowel(before) && before != 't' && before != 'd';
  if (word.ends_with("es")) {
    const bool is_spoken = has_ending(word, {"ses", "zes", "xes", "ches", "shes", "ces", "ges"});
    if (word.ends_with("les")) return is_vowel(word[word.size() - 4]);
    return !is_vowel(before) && !is_spoken;
  }
  return false;
}

}  // namespace

int64_t count_syllables(std::string_view word) {
  const bool has_letter = std::ranges::any_of(word, [](char c) {
    return (c >= 'a' && c <= 'z') || (static_cast<unsigned char>(c) & 0x80U) != 0;
  });
  if (!has_letter) return 0;
  const int64_t count = vowel_groups(word) - (has_silent_e(word) ? 1 : 0);
  return std::max<int64_t>(1, count);
}

}  // namespace gradus::rewards
