#include "rewards/math/finding/questions.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kLongestSentence = 600;

/// What a sentence that asks begins with, in lower case.
constexpr std::array kAsking = std::to_array<std::string_view>(
    {"what is",  "what's",    "what are", "what was",  "how many", "how much", "how long",
     "how far",  "how old",   "find ",    "calculate", "compute",  "evaluate", "determine",
     "solve",    "simplify",  "work out", "which of",  "expand",   "factor ",  "estimate",
     "wie viel", "wie viele", "was ist",  "berechne",  "bestimme", "combien",  "calcule",
     "trouve",   "cuánto",    "¿cuánto",  "calcula",   "¿cuál",    "quanto",   "calcola",
     "trova",    "сколько",   "найдите",  "вычислите", "计算",     "计算：",   "求",
     "解方程",   "計算",      "多少"});

constexpr std::array kOpenings = std::to_array<std::string_view>(
    {"question:", "question", "q:", "problem:", "problem", "task:", "please", "exercise:", "first",
     "now", "then", "next", "and", "so", "问题：", "题目："});

/// Where the sentence of `at` begins.
size_t sentence_begin(std::string_view text, size_t at) {
  size_t begin = at;
  while (begin > 0 && at - begin < kLongestSentence) {
    const char c = text[begin - 1];
    if (c == '\n') break;
    const bool is_end =
        (c == '.' || c == '?' || c == '!') && begin < text.size() && text[begin] == ' ';
    if (is_end) break;
    --begin;
  }
  return begin;
}

bool asks(std::string_view sentence) {
  std::string lower = lower_case(sentence.substr(0, 80));
  std::string_view words = lower;
  for (bool moved = true; moved;) {
    moved = false;
    while (!words.empty() && (words[0] == ' ' || words[0] == '*' || words[0] == ':' ||
                              words[0] == '>' || words[0] == ',')) {
      words.remove_prefix(1);
      moved = true;
    }
    for (const std::string_view opening : kOpenings) {
      const bool is_word = words.starts_with(opening) && words.size() > opening.size() &&
                           !is_letter(words[opening.size()]);
      if (!is_word) continue;
      words.remove_prefix(opening.size());
      moved = true;
    }
  }
  return std::any_of(kAsking.begin(), kAsking.end(), [&](std::string_view asking) {
    const bool is_word = !is_letter(asking.back()) || words.size() <= asking.size() ||
                         !is_letter(words[asking.size()]) || asking.size() > 6;
    return words.starts_with(asking) && is_word;
  });
}

/// "= ", "= ?", "= ___", "=\ ?$" to the end of the line: nothing was worked out.
bool dangles(std::string_view rest) {
  while (!rest.empty() && (rest[0] == ' ' || rest[0] == '$')) rest.remove_prefix(1);
  if (!rest.starts_with('=')) return false;
  rest.remove_prefix(1);
  rest = rest.substr(0, rest.find('\n'));
  return rest.find_first_not_of(" ?_.$*\\([])") == std::string_view::npos;
}

/// The mark that ends the sentence behind `at` is a question's.
bool ends_as_question(std::string_view text, size_t at) {
  const std::string_view rest = text.substr(at, kLongestSentence);
  for (size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '?' || rest.substr(i, 3) == "？") return true;
    const bool is_end = rest[i] == '\n' || rest[i] == '!' ||
                        (rest[i] == '.' && (i + 1 == rest.size() || rest[i + 1] == ' ')) ||
                        rest.substr(i, 3) == "。";
    if (is_end) return false;
  }
  return false;
}

}  // namespace

bool is_question(std::string_view phrase) {
  if (asks(phrase)) return true;
  const size_t equals = phrase.rfind('=');
  return equals != std::string_view::npos && dangles(phrase.substr(equals));
}

bool is_asked(std::string_view text, size_t begin, size_t end) {
  if (begin >= end || end > text.size()) return false;
  if (dangles(text.substr(end))) return true;
  const std::string_view inside = text.substr(begin, end - begin);
  const size_t equals = inside.rfind('=');
  if (equals != std::string_view::npos) {  // worked out, or left open
    const std::string_view side = inside.substr(equals + 1);
    if (side.find_first_not_of(" ?_.$") == std::string_view::npos) return true;
    const std::string_view left = inside.substr(0, equals);
    const bool is_calculation = std::none_of(left.begin(), left.end(), is_letter);
    if (is_calculation) return false;
  }
  const size_t sentence = sentence_begin(text, begin);
  const std::string lead =
      lower_case(text.substr(sentence, std::min<size_t>(begin - sentence, 12)));
  for (const std::string_view premise : {"let ", "suppose ", "assume "}) {
    if (lead.starts_with(premise)) return true;  // what is given is no answer
  }
  if (asks(text.substr(sentence, begin - sentence))) return true;
  const bool is_expression = inside.find_first_of("+-*/^=\\", 1) != std::string_view::npos;
  return is_expression && ends_as_question(text, end);
}

}  // namespace gradus::rewards::math
