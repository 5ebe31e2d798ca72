#include "rewards/math/finding/words.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/ascii.h"
#include "rewards/math/finding/number_words.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/commands.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kMaxWords = 2'000;  // bytes; longer texts are no answers in words

/// Name of the command at `at`, the byte of its backslash.
std::string_view command_at(std::string_view text, size_t at) {
  size_t end = at + 1;
  while (end < text.size() && is_letter(text[end])) ++end;
  return text.substr(at + 1, end - at - 1);
}

/// What words say, without LaTeX and brackets around them; empty for mathematics.
///
/// @param joint  put between words.
std::string words_in(std::string_view text, std::string_view joint) {
  std::string words;
  if (text.size() > kMaxWords) return words;
  bool has_letter = false;
  bool is_apart = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      const std::string_view name = command_at(text, i);
      const size_t end = i + 1 + name.size();
      const bool is_space = name.empty() && end < text.size() &&
                            (text[end] == ',' || text[end] == ' ' || text[end] == ';');
      const bool is_dressing = is_text_command(name) || name == "left" || name == "right";
      if (!is_space && !is_dressing) return "";
      is_apart = true;
      i = is_space ? end : end - 1;
      continue;
    }
    const bool is_word_letter = is_letter(c) || static_cast<unsigned char>(c) >= 0x80;
    const bool is_word = is_word_letter || is_digit(c) || c == '-' || c == '\'' || c == ':';
    const bool is_dressing = c == '{' || c == '}' || c == '$' || c == ' ' || c == '(' || c == ')' ||
                             c == '"' || c == '.' || c == '*' || c == '\n';
    if (!is_dressing && !is_word) return "";
    has_letter = has_letter || is_word_letter;
    if (is_word && is_apart && !words.empty()) words += joint;
    if (is_word) words += c;
    is_apart = !is_word && (is_apart || c != '.');
  }
  return has_letter ? words : "";
}

size_t num_letters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), is_letter));
}

/// Letters side by side, at most.
size_t longest_run(std::string_view text) {
  size_t longest = 0;
  size_t run = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {  // a command's name is no word
      while (i + 1 < text.size() && is_letter(text[i + 1])) ++i;
      run = 0;
      continue;
    }
    const bool is_part = is_letter(text[i]) || static_cast<unsigned char>(text[i]) >= 0x80;
    run = is_part ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return longest;
}

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix) || text.size() == prefix.size()) return false;
  text.remove_prefix(prefix.size());
  return true;
}

/// In lower case, without articles and "there is" in front, and with one spelling for each meaning.
std::string plain_words(std::string_view text) {
  const std::string lower = lower_case(words_in(text, " "));
  std::string_view words = lower;
  for (bool moved = true; moved;) {
    moved = false;
    for (const std::string_view opening :
         {"there is ", "there are ", "it is ", "it ", "the answer is ", "the limit ", "limit ",
          "the ", "a ", "an "}) {
      moved = moved || drop_prefix(words, opening);
    }
  }
  using Spelling = std::pair<std::string_view, std::string_view>;
  constexpr std::array kSpellings{Spelling{"does not exist", "dne"},
                                  Spelling{"doesn't exist", "dne"},
                                  Spelling{"no solutions", "no solution"},
                                  Spelling{"all reals", "all real numbers"},
                                  Spelling{"set of all real numbers", "all real numbers"},
                                  Spelling{"set of real numbers", "all real numbers"},
                                  Spelling{"minus infinity", "negative infinity"}};
  for (const auto& [spelling, meaning] : kSpellings) {
    if (words == spelling) return std::string(meaning);
  }
  return std::string(words);
}

std::string without_spaces(std::string text) {
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  return text;
}

/// The inside of a text command that opens an answer, and the rest behind it.
struct OpeningText {
  std::string_view inside;
  std::string_view rest;
};

OpeningText opening_text(std::string_view text) {
  if (!text.starts_with('\\')) return {};
  const std::string_view name = command_at(text, 0);
  const std::string_view rest = text.substr(1 + name.size());
  const size_t close = rest.find('}');
  if (!is_text_command(name) || !rest.starts_with('{') || close == std::string_view::npos) {
    return {};
  }
  return {rest.substr(1, close - 1), rest.substr(close + 1)};
}

/// "The answer is", "exactly": words that only announce what follows.
bool announces(std::string_view text) {
  constexpr std::array<std::string_view, 20> kWords{
      "the",      "final",  "answer", "is",    "exactly", "approximately", "about",
      "roughly",  "around", "are",    "roots", "root",    "answers",       "solutions",
      "solution", "values", "value",  "zeros", "result",  "numbers"};
  const std::string words = lower_case(words_in(text, " "));
  if (words.empty()) return false;
  for (size_t at = 0; at < words.size();) {
    const size_t end = std::min(words.find_first_of(" :", at), words.size());
    const auto word = std::string_view(words).substr(at, end - at);
    const bool is_known =
        word.empty() || std::find(kWords.begin(), kWords.end(), word) != kWords.end();
    if (!is_known) return false;
    at = end + 1;
  }
  return true;
}

/// "6 and 8", "2, 3 or 4": numbers and what joins them.
bool lists_numbers(std::string_view text) {
  bool joins = false;
  for (size_t at = 0; at < text.size();) {
    if (!is_letter(text[at])) {
      if (!is_digit(text[at]) &&
          std::string_view(" ,./-").find(text[at]) == std::string_view::npos) {
        return false;
      }
      ++at;
      continue;
    }
    size_t end = at;
    while (end < text.size() && is_letter(text[end])) ++end;
    if (!is_joining_word(text.substr(at, end - at)) || end - at < 2) return false;
    joins = true;
    at = end;
  }
  return joins;
}

}  // namespace

bool is_in_words(std::string_view text) {
  const std::string words = words_in(text, "");
  return num_letters(words) > 1 && words.find_first_of("0123456789") == std::string::npos;
}

bool same_words(std::string_view a, std::string_view b) {
  const std::string x = words_in(a, "");
  const std::string y = words_in(b, "");
  if (x.empty() || y.empty()) return false;
  if (x == y) return true;
  // P(A) and Au are symbols: their case counts.
  if (longest_run(a) < 3) return false;
  return is_in_words(a) && is_in_words(b) &&
         without_spaces(plain_words(a)) == without_spaces(plain_words(b));
}

std::string without_words(std::string_view text) {
  const auto [inside, rest] = opening_text(bare(text));
  if (inside.empty()) return std::string(text);
  if (!bare(rest).empty()) return std::string(announces(inside) ? rest : text);
  if (is_digit(inside[0]) && lists_numbers(inside)) return std::string(inside);
  if (is_digit(inside[0])) {
    const size_t end = std::min(inside.find_first_not_of("0123456789.,/:"), inside.size());
    const std::string unit(bare(inside.substr(end)));
    const std::string number(inside.substr(0, end));
    return unit.empty() ? number : number + " \\text{" + unit + "}";
  }
  if (const auto number = number_in_words(bare(inside))) return *number;
  const std::string words = plain_words(inside);
  if (words == "infinity") return "\\infty";
  if (words == "negative infinity") return "-\\infty";
  return words == "all real numbers" ? "\\mathbb{R}" : std::string(text);
}

char labelled_choice(std::string_view text) {
  text = bare(text);
  if (const OpeningText opening = opening_text(text); !opening.inside.empty()) {
    // "\text{(C) 12}" and "\text{(C) } 12"
    text = bare(text.substr(static_cast<size_t>(opening.inside.data() - text.data())));
  }
  const bool opens = text.starts_with('(');
  if (opens) text.remove_prefix(1);
  if (text.size() < 3 || text[0] < 'A' || text[0] > 'H') return 0;
  const bool closes = text[1] == ')' || (!opens && text[1] == '.' && text[2] == ' ');
  const bool has_value = text.find_first_not_of(" }\\", 2) != std::string_view::npos;
  return closes && has_value ? text[0] : '\0';
}

}  // namespace gradus::rewards::math
