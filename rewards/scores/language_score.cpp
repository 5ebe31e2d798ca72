#include "rewards/scores/language_score.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/utf8.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

constexpr auto kNoPlace = std::string_view::npos;

struct Pair {
  std::string_view open;
  std::string_view close;
  bool in_line;  // the end must be on the same line
};

// The longer marks first.
constexpr std::array kNeutral{
    Pair{"```", "```", false}, Pair{"`", "`", true},      Pair{"$$", "$$", false},
    Pair{"$", "$", true},      Pair{"\\(", "\\)", false}, Pair{"\\[", "\\]", false},
};

// `\frac`, `<think>`, `</answer>`, `https://...`
size_t end_of_token(std::string_view text, size_t at) {
  if (text[at] == '\\') {
    size_t end = at + 1;
    while (end < text.size() && is_letter(text[end])) ++end;
    return end;
  }
  if (text[at] == '<') {
    const size_t end = text.find_first_of("<>\n", at + 1);
    const bool is_tag = end != kNoPlace && text[end] == '>' && end > at + 1 &&
                        (is_letter(text[at + 1]) || text[at + 1] == '/');
    return is_tag ? end + 1 : kNoPlace;
  }
  const auto rest = text.substr(at);
  if (rest.starts_with("http://") || rest.starts_with("https://")) {
    const size_t end = text.find_first_of(" \t\r\n", at);
    return end == kNoPlace ? text.size() : end;
  }
  return kNoPlace;
}

// Prose alone; what is neutral becomes a blank. Linear: a mark that is not closed once is not
// looked for again.
class Prose {
 public:
  explicit Prose(std::string_view text) : text_(text) {}

  std::string read() && {
    std::string prose;
    for (size_t i = 0; i < text_.size();) {
      const size_t end = end_of_neutral(i);
      prose += end == kNoPlace ? text_[i] : ' ';
      i = end == kNoPlace ? i + 1 : end;
    }
    return prose;
  }

 private:
  size_t end_of_neutral(size_t at) {
    const char c = text_[at];
    size_t end = kNoPlace;
    if (c == '`' || c == '$' || c == '\\') end = end_of_pair(at);
    if (end == kNoPlace && (c == '\\' || c == '<' || c == 'h')) end = end_of_token(text_, at);
    return end;
  }

  size_t end_of_pair(size_t at) {
    for (size_t k = 0; k < kNeutral.size(); ++k) {
      const Pair& pair = kNeutral[k];
      if (is_unclosed_[k] || text_.substr(at, pair.open.size()) != pair.open) continue;
      const size_t end = text_.find(pair.close, at + pair.open.size());
      is_unclosed_[k] = end == kNoPlace;
      if (end == kNoPlace) continue;
      const bool is_broken = pair.in_line && text_.substr(at, end - at).find('\n') != kNoPlace;
      if (!is_broken) return end + pair.close.size();
    }
    return kNoPlace;
  }

  std::string_view text_;
  std::array<bool, kNeutral.size()> is_unclosed_{};
};

std::string prose_of(std::string_view text) {
  return Prose(text).read();
}

bool is_sentence_end(uint32_t value) {
  return value == '.' || value == '!' || value == '?' || value == '\n' || value == 0x3002 ||
         value == 0xFF01 || value == 0xFF1F || value == 0x0964 || value == 0x06D4 ||
         value == 0x061F;
}

std::vector<std::string_view> sentences_of(std::string_view text) {
  std::vector<std::string_view> sentences;
  size_t begin = 0;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    i += point.num_bytes;
    if (!is_sentence_end(point.value)) continue;
    sentences.push_back(text.substr(begin, i - begin));
    begin = i;
  }
  sentences.push_back(text.substr(begin));
  return sentences;
}

bool joins_letters(uint32_t value) {
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return value == '\'' || value == 0x2019 || value == 0x200C || value == 0x200D ||
         category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC;
}

/// Calls `count(script, number of letters)` for every word.
template <class Count>
void for_each_word(std::string_view text, Count&& count) {
  Script script = Script::none;
  int64_t letters = 0;
  const auto end_word = [&] {
    if (letters > 0) count(script, letters);
    letters = 0;
  };
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    i += point.num_bytes;
    const Script next = script_of(point.value);
    if (next == Script::none) {
      if (!joins_letters(point.value)) end_word();
      continue;
    }
    if (next != script || is_character_word(point.value)) end_word();
    script = next;
    ++letters;
  }
  end_word();
}

template <class IsWanted>
void add_words(std::string_view text, bool counts_single_latin, IsWanted&& is_wanted,
               LanguageShare& share) {
  for_each_word(text, [&](Script script, int64_t letters) {
    if (script == Script::latin && letters == 1 && !counts_single_latin) return;
    ++share.words;
    if (is_wanted(script)) ++share.wanted;
  });
}

}  // namespace

LanguageShare language_share(std::string_view text, const Language& language) {
  LanguageShare share;
  const std::string prose = prose_of(text);
  for (const auto sentence : sentences_of(prose)) {
    const auto found = identify_language(sentence);
    const Language* other = found ? find_language(*found) : nullptr;
    const bool is_other = other != nullptr && other != &language;
    add_words(
        sentence, language.uses(Script::latin),
        [&](Script script) { return language.uses(script) && !(is_other && other->uses(script)); },
        share);
  }
  return share;
}

LanguageShare script_share(std::string_view text, Script script) {
  LanguageShare share;
  add_words(
      prose_of(text), script == Script::latin, [&](Script found) { return found == script; },
      share);
  return share;
}

}  // namespace gradus::rewards
