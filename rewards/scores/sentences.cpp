#include "rewards/scores/sentences.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "base/utf8.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

constexpr std::array<std::string_view, 17> kTitles{"mr",  "mrs",  "ms",  "dr",     "prof", "rev",
                                                   "gen", "sen",  "rep", "gov",    "lt",   "col",
                                                   "sgt", "capt", "hon", "messrs", "st"};
constexpr std::array<std::string_view, 41> kAbbreviations{
    "etc", "vs",     "inc",  "ltd", "co",  "corp", "jr",  "sr",  "fig",  "vol", "pp",
    "jan", "feb",    "mar",  "apr", "jun", "jul",  "aug", "sep", "sept", "oct", "nov",
    "dec", "approx", "dept", "est", "ft",  "oz",   "cf",  "al",  "bros", "ave", "blvd",
    "rd",  "viz",    "no",   "eq",  "ca",  "resp", "ed",  "eds"};
constexpr std::array<std::string_view, 30> kStarters{
    "the",   "this", "that",    "these", "those", "it",    "he",  "she", "we", "they",
    "i",     "you",  "in",      "on",    "at",    "if",    "but", "and", "so", "then",
    "there", "here", "however", "when",  "while", "after", "for", "as",  "a",  "an"};

template <class List>
bool holds(const List& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

bool is_foreign_end(uint32_t value) {
  return value == 0x3002 || value == 0xFF01 || value == 0xFF1F || value == 0x0964 ||
         value == 0x06D4 || value == 0x061F;
}

bool is_closing(uint32_t value) {
  return value == ')' || value == ']' || value == '}' || value == '"' || value == '\'' ||
         value == '*' || value == 0x201D || value == 0x2019 || value == 0x300D || value == 0xBB;
}

utf8proc_category_t category_at(std::string_view text) {
  if (text.empty()) return UTF8PROC_CATEGORY_CN;
  return utf8proc_category(static_cast<utf8proc_int32_t>(code_point_at(text, 0).value));
}

/// Where sentences end: `word` is what stands before the full stop, `next` the word behind it.
bool ends_sentence(std::string_view word, std::string_view next) {
  while (!word.empty() && !is_digit(word.front()) && (word.front() & 0x80) == 0 &&
         !(word.front() >= 'A' && word.front() <= 'Z') &&
         !(word.front() >= 'a' && word.front() <= 'z')) {
    word.remove_prefix(1);  // quotes and brackets before it
  }
  const std::string lower = lower_case(word);
  if (holds(kTitles, lower)) return false;
  const auto next_category = category_at(next);
  const bool is_small = next_category == UTF8PROC_CATEGORY_LL;
  if (word.ends_with('.')) return !is_small;  // an ellipsis
  const bool is_number = !word.empty() && std::all_of(word.begin(), word.end(), is_digit);
  if (is_number) return next_category == UTF8PROC_CATEGORY_LU;
  const bool is_initial = word.size() == 1 && word[0] >= 'A' && word[0] <= 'Z' && word != "I";
  const bool is_abbreviation =
      holds(kAbbreviations, lower) || word.find('.') != std::string_view::npos;
  if (!is_initial && !is_abbreviation) return true;
  const bool is_capital = next_category == UTF8PROC_CATEGORY_LU;
  return is_capital && holds(kStarters, lower_case(next));
}

struct SentenceScanner {
  std::string_view text;
  std::vector<std::string_view> sentences{};
  size_t begin = 0;          // of the present one
  bool has_content = false;  // since then

  std::vector<std::string_view> run() && {
    for (size_t i = 0; i < text.size();) {
      const CodePoint point = code_point_at(text, i);
      const size_t end = i + point.num_bytes;
      has_content = has_content || !is_white_space(point.value);
      if (is_foreign_end(point.value)) {
        i = end_sentence(skip_closing(end));
      } else if (point.value == '.' || point.value == '!' || point.value == '?') {
        i = at_mark(i);
      } else {
        i = end;
      }
    }
    end_sentence(text.size());
    return std::move(sentences);
  }

  size_t end_sentence(size_t end) {
    if (has_content) sentences.push_back(stripped(text.substr(begin, end - begin)));
    begin = end;
    has_content = false;
    return end;
  }

  size_t skip_closing(size_t at) const {
    while (at < text.size()) {
      const CodePoint point = code_point_at(text, at);
      if (!is_closing(point.value)) break;
      at += point.num_bytes;
    }
    return at;
  }

  // A run of marks, "?!" or "...", is looked at once.
  size_t at_mark(size_t first) {
    const size_t marks_end = std::min(text.find_first_not_of(".!?", first), text.size());
    const size_t end = skip_closing(marks_end);
    const bool is_open = end < text.size() && !is_white_space(code_point_at(text, end).value);
    if (is_open) return end;
    const auto marks = text.substr(first, marks_end - first);
    const bool is_full_stop = marks.find_first_of("!?") == std::string_view::npos;
    if (is_full_stop && !ends_sentence(word_before(marks_end), word_behind(end))) return end;
    return end_sentence(end);
  }

  // Up to the mark, but for the last full stop itself. Bounded: no abbreviation is longer.
  std::string_view word_before(size_t marks_end) const {
    constexpr size_t kLongest = 40;
    size_t begin = marks_end - 1;
    while (begin > 0 && marks_end - begin < kLongest &&
           !is_white_space(static_cast<unsigned char>(text[begin - 1]) < 0x80
                               ? static_cast<uint32_t>(text[begin - 1])
                               : 0x80U)) {
      --begin;
    }
    return text.substr(begin, marks_end - 1 - begin);
  }

  std::string_view word_behind(size_t at) const {
    const auto rest = text.substr(at, 64);
    size_t begin = 0;
    while (begin < rest.size()) {
      const CodePoint point = code_point_at(rest, begin);
      const bool is_opening = point.value == '"' || point.value == '(' || point.value == 0x201C;
      if (!is_white_space(point.value) && !is_opening) break;
      begin += point.num_bytes;
    }
    const auto word = rest.substr(begin);
    return word.substr(0, word.find_first_of(" \t\r\n,;:.!?\"')"));
  }
};

bool parts_words(std::string_view text, size_t at, uint32_t value) {
  if (is_white_space(value)) return true;
  if (value < 0x80 && std::string_view(";@#$%&?!()[]{}<>\"`*").find(static_cast<char>(value)) !=
                          std::string_view::npos) {
    return true;
  }
  const char next = at + 1 < text.size() ? text[at + 1] : ' ';
  if (value == ',' || value == ':') return !is_digit(next);
  if (value == '-') return next == '-' || (at > 0 && text[at - 1] == '-');
  if (value == '.') return next == '.' || (at > 0 && text[at - 1] == '.');
  return value == 0x201C || value == 0x201D || value == 0xAB || value == 0xBB || value == 0x2026;
}

// Where a contraction begins within a word; its size where there is none.
size_t contraction_of(std::string_view word) {
  const std::string lower = lower_case(word);
  if (lower.size() != word.size()) return word.size();
  for (const char* end : {"n't", "'s", "'re", "'ve", "'ll", "'d", "'m"}) {
    const std::string_view tail = end;
    if (lower.size() > tail.size() && lower.ends_with(tail)) return word.size() - tail.size();
  }
  return word.size();
}

// The marks of text[at, end), runs of full stops and dashes being one.
void add_marks(std::string_view text, size_t at, size_t end,
               std::vector<std::string_view>& tokens) {
  while (at < end) {
    const CodePoint point = code_point_at(text, at);
    size_t next = at + point.num_bytes;
    if (point.value == '.' || point.value == '-')
      while (next < end && text[next] == text[at]) ++next;
    if (!is_white_space(point.value)) tokens.push_back(text.substr(at, next - at));
    at = next;
  }
}

// The full stop that ends a sentence is a mark, others belong to their words.
void add_tokens(std::string_view sentence, std::vector<std::string_view>& tokens) {
  size_t at = 0;
  for (std::string_view word : treebank_words(sentence)) {
    const auto begin = static_cast<size_t>(word.data() - sentence.data());
    add_marks(sentence, at, begin, tokens);
    at = begin + word.size();
    const bool is_last = at == sentence.size() && word.size() > 1 && word.ends_with('.');
    tokens.push_back(word.substr(0, word.size() - (is_last ? 1 : 0)));
    if (is_last) tokens.push_back(word.substr(word.size() - 1));
  }
  add_marks(sentence, at, sentence.size(), tokens);
}

}  // namespace

bool is_word_character(uint32_t value) {
  if (value == '_') return true;
  const auto category = utf8proc_category(static_cast<utf8proc_int32_t>(value));
  return (category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO) ||
         (category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO);
}

int64_t count_sentences(std::string_view text) {
  return static_cast<int64_t>(split_sentences(text).size());
}

std::vector<std::string_view> split_sentences(std::string_view text) {
  return SentenceScanner{text}.run();
}

int64_t count_word_runs(std::string_view text) {
  int64_t count = 0;
  bool is_inside = false;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const bool is_word = is_word_character(point.value);
    count += is_word && !is_inside ? 1 : 0;
    is_inside = is_word;
    i += point.num_bytes;
  }
  return count;
}

std::vector<std::string_view> treebank_words(std::string_view text) {
  std::vector<std::string_view> words;
  size_t begin = 0;
  const auto end_word = [&](size_t end) {
    const auto word = text.substr(begin, end - begin);
    if (word.empty()) return;
    // The reference's patterns end in a blank: before a line's end it leaves `don't` whole.
    const bool is_at_line_end = end < text.size() && (text[end] == '\n' || text[end] == '\t');
    const size_t contraction = is_at_line_end ? word.size() : contraction_of(word);
    if (contraction > 0) words.push_back(word.substr(0, contraction));
    if (contraction < word.size()) words.push_back(word.substr(contraction));
  };
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    const size_t next = i + point.num_bytes;
    if (parts_words(text, i, point.value)) {
      end_word(i);
      begin = next;
    }
    i = next;
  }
  end_word(text.size());
  return words;
}

std::vector<std::string_view> treebank_tokens(std::string_view text) {
  std::vector<std::string_view> tokens;
  for (const std::string_view sentence : split_sentences(text)) add_tokens(sentence, tokens);
  return tokens;
}

}  // namespace gradus::rewards
