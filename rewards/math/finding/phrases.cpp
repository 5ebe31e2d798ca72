#include "rewards/math/finding/phrases.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/commands.h"
#include "rewards/math/reading/text_scan.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {
namespace {

/// English words of two letters, which are no product of variables.
bool is_short_word(const std::string& word) {
  constexpr std::array<std::string_view, 25> kWords{
      "so", "is", "we", "it", "an", "of", "to", "in", "on", "be", "by", "as", "at",
      "if", "he", "my", "no", "us", "do", "go", "up", "am", "me", "id", "ok"};
  return std::find(kWords.begin(), kWords.end(), lower_case(word)) != kWords.end();
}

/// Signs of mathematics outside of ASCII; letters of other scripts are words.
bool is_sign_of_mathematics(unsigned char lead, unsigned char next) {
  if (lead == 0xC3) return next == 0x97 || next == 0xB7;  // times, divided by
  if (lead == 0xE2) return next == 0x81 || next == 0x82 || (next >= 0x84 && next != 0x86);
  return lead == 0xC2 || lead == 0xCB || lead == 0xCE || lead == 0xCF;
}

/// "12 (a dozen)": the bracket holds words.
bool has_article_in_bracket(std::string_view text) {
  const size_t article = text.find("(a ");
  return article != std::string_view::npos && article + 4 < text.size() &&
         is_letter(text[article + 3]) && is_letter(text[article + 4]);
}

}  // namespace

std::string_view segment_behind(std::string_view text, size_t at) {
  std::string_view rest = text.substr(at, 600);
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == '\n' || rest.front() == '*' ||
                           rest.front() == '\r' || rest.front() == ':')) {
    rest.remove_prefix(1);
  }
  size_t end = rest.size();
  const bool spans_lines = rest.starts_with("$$") || rest.starts_with("\\[");
  const auto cut = [&](std::string_view mark) { end = std::min(end, rest.find(mark)); };
  if (!spans_lines) cut("\n");
  for (const std::string_view mark : {". ", "。", " I hope", "<|"}) cut(mark);
  return rest.substr(0, end);
}

std::string_view without_working(std::string_view text) {
  const size_t colon = text.find(": ");
  if (colon == std::string_view::npos || colon == 0 || !is_digit(text[colon - 1])) return text;
  const std::string_view working = bare(text.substr(colon + 2));
  if (working.empty()) return text;
  const bool calculates = working.find_first_of("+-*/=", 1) != std::string_view::npos;
  return calculates ? text.substr(0, colon) : text;
}

std::string_view without_citations(std::string_view text) {
  while (text.ends_with(']')) {
    const size_t open = text.rfind('[');
    const bool is_mark = open != std::string_view::npos && open > 0 && text.size() - open < 6 &&
                         text.find_first_not_of("0123456789", open + 1) == text.size() - 1;
    if (!is_mark || text.size() - open < 3) return text;
    const std::string_view before = bare(text.substr(0, open));
    const bool follows_answer =
        text[open - 1] == ' ' || text[open - 1] == ']' || text[open - 1] == '.';
    if (before.empty() || !follows_answer) return text;
    text = before;
  }
  return text;
}

std::string_view without_label(std::string_view text) {
  return text.starts_with("A: ") ? bare(text.substr(3)) : text;
}

std::string without_emphasis(std::string_view text) {
  std::string plain(text);
  const auto is_open = [&](size_t at, size_t size) {
    const bool begins = at == 0 || plain[at - 1] == ' ' || plain[at - 1] == '(';
    const size_t before = plain.find_last_not_of(' ', at == 0 ? 0 : at - 1);
    const bool follows_value =
        at > 0 && before != std::string::npos && (is_digit(plain[before]) || plain[before] == ')');
    const size_t inside = at + size;
    return begins && !follows_value && inside < plain.size() && plain[inside] != ' ';
  };
  const auto is_close = [&](size_t at, size_t size) {
    const size_t behind = at + size;
    return plain[at - 1] != ' ' && (behind == plain.size() || !is_letter_or_digit(plain[behind]));
  };
  for (const std::string_view mark : {"**", "__", "*"}) {
    for (size_t open = plain.find(mark); open != std::string::npos;
         open = plain.find(mark, open + 1)) {
      if (!is_open(open, mark.size())) continue;
      const size_t close = plain.find(mark, open + mark.size() + 1);
      if (close == std::string::npos || !is_close(close, mark.size())) continue;
      plain.erase(close, mark.size());
      plain.erase(open, mark.size());
    }
  }
  // "18** hours": what announced the answer took the opening mark along.
  for (const std::string_view mark : {"**", "__", "*"}) {
    const size_t at = plain.find(mark);
    if (at == std::string::npos || at == 0 || plain[at - 1] == ' ') continue;
    const std::string_view rest = std::string_view(plain).substr(at + mark.size());
    const bool has_word =
        rest.size() > 2 && rest[0] == ' ' && is_letter(rest[1]) && is_letter(rest[2]);
    if (has_word || rest.starts_with('%')) plain.erase(at, mark.size());
  }
  return plain;
}

bool is_short_mathematics(std::string_view text) {
  if (text.size() > 400 || has_article_in_bracket(text)) return false;
  std::string word;
  bool is_command = false;
  size_t in_text = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if (static_cast<unsigned char>(c) >= 0xC0 &&
        !is_sign_of_mathematics(
            static_cast<unsigned char>(c),
            static_cast<unsigned char>(i + 1 < text.size() ? text[i + 1] : 0))) {
      return false;
    }
    if (is_letter(c)) {
      if (word.empty()) is_command = i > 0 && text[i - 1] == '\\';
      word += c;
      continue;
    }
    if (!word.empty()) {
      const bool is_known = is_command || word.size() == 1 || function_name(word) ||
                            constant_name(word) || is_symbol_command(word) ||
                            is_joining_word(word) || is_unit(word) || is_percent_word(word) ||
                            multiplier_of(word) != 0 || in_text > 0 ||
                            glued_joiner(text, i - word.size(), word) > 0;
      if (!is_known && (word.size() != 2 || is_short_word(word))) return false;
      if (is_command && is_text_command(word)) in_text = i;
      word.clear();
    }
    if (c == '}') in_text = 0;
  }
  return true;
}

namespace {

size_t behind_last_copula(std::string_view text) {
  size_t at = 0;
  for (const std::string_view word : {" is ", " are ", " equals ", " est ", " es ", " ist ",
                                      " rounds to ", " rounds up to ", " rounds down to ", ": "}) {
    const size_t found = text.rfind(word);
    if (found == std::string_view::npos) continue;
    const std::string_view rest = text.substr(found + word.size());
    const bool has_number = rest.find_first_of("0123456789$\\") != std::string_view::npos;
    if (has_number) at = std::max(at, found + word.size());
  }
  return at;
}

/// The last "=" behind a number or a space; npos where there is none.
size_t last_equals(std::string_view text) {
  for (size_t at = text.rfind('='); at != std::string_view::npos && at > 0;
       at = text.rfind('=', at - 1)) {
    const char before = text[at - 1];
    if (is_digit(before) || before == ' ' || before == ')' || before == '%') return at;
  }
  return std::string_view::npos;
}

/// "The bags cost $2 each, so 73 bags cost $2 * 73 = $146": behind the last "=" of a sentence
/// that does not open with its answer.
size_t behind_calculation(std::string_view text) {
  const bool opens_with_word = text.size() > 1 && is_letter(text[0]) && is_letter(text[1]);
  if (!opens_with_word) return 0;
  const size_t reason = std::min(text.find(" because "), text.find(" since "));
  const size_t equals = last_equals(text.substr(0, reason));
  if (equals == std::string_view::npos) return 0;
  const bool has_number = text.find_first_of("0123456789", equals) != std::string_view::npos;
  const bool has_formula =
      text.find('\\') != std::string_view::npos || !find_math_spans(text).empty();
  return has_number && !has_formula ? equals + 1 : 0;
}

}  // namespace

size_t behind_last_verb(std::string_view text) {
  return std::max(behind_last_copula(text), behind_calculation(text));
}

namespace {

/// Words between two boxes: those that join, and all.
struct Gap {
  bool joins = false;
  size_t num_words = 0;
  bool ends_sentence = false;
};

/// "for part (a)": says which of several questions an answer is to.
bool names_part(std::string_view word) {
  return word == "for" || word == "part" || word == "parts" || word == "question";
}

Gap look_between(std::string_view text) {
  Gap gap;
  std::string word;
  bool is_command = false;
  bool only_marks = true;
  const auto end_word = [&] {
    if (!word.empty() && !is_command) {
      if (word == "and" || word == "or" || is_joining_word(word)) {
        gap.joins = true;
      } else if (word.size() > 1 && !names_part(word)) {
        ++gap.num_words;
      }
    }
    word.clear();
    is_command = false;
  };
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : ' ';
    if (is_letter(c)) {
      if (word.empty()) is_command = i > 0 && text[i - 1] == '\\';
      word += c;
      only_marks = only_marks && is_command;
      continue;
    }
    end_word();
    if (c == ',' || c == ';') gap.joins = true;
    if (c == '.' && i + 1 < text.size() && text[i + 1] == ' ') gap.ends_sentence = true;
  }
  if (only_marks) gap.joins = true;
  return gap;
}

}  // namespace

bool belong_together(std::string_view between) {
  if (between.size() > 70) return false;
  const Gap gap = look_between(between);
  if (gap.ends_sentence || between.find('\n') != std::string_view::npos) return false;
  const bool has_word =
      between.find("and") != std::string_view::npos || between.find("or") != std::string_view::npos;
  return gap.joins && (gap.num_words == 0 || (has_word && gap.num_words <= 1));
}

}  // namespace gradus::rewards::math
