#include "rewards/math/finding/anchors.h"

#include <algorithm>
#include <array>
#include <string>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

struct Phrase {
  std::string_view text;  // lower case
  int weight;
};

constexpr std::array kPhrases{Phrase{"final answer", 0},
                              Phrase{"answer", 1},
                              Phrase{"correct option", 1},
                              Phrase{"correct choice", 1},
                              Phrase{"réponse finale", 0},
                              Phrase{"réponse", 1},
                              Phrase{"reponse", 1},
                              Phrase{"respuesta", 1},
                              Phrase{"antwort", 1},
                              Phrase{"risposta", 1},
                              Phrase{"resposta", 1},
                              Phrase{"ответ", 1},
                              Phrase{"Ответ", 1},
                              Phrase{"відповідь", 1},
                              Phrase{"答案", 1},
                              Phrase{"答え", 1},
                              Phrase{"答", 2},
                              Phrase{"정답", 1},
                              Phrase{"답", 2},
                              Phrase{"उत्तर", 1},
                              Phrase{"الإجابة", 1},
                              Phrase{"الجواب", 1},
                              Phrase{"cevap", 1},
                              Phrase{"odpowiedź", 1},
                              Phrase{"đáp án", 1},
                              Phrase{"svar", 1},
                              Phrase{"antwoord", 1},
                              Phrase{"vastaus", 1},
                              Phrase{"jawaban", 1},
                              Phrase{"答复", 2},
                              Phrase{"پاسخ", 1},
                              Phrase{"คำตอบ", 1},
                              Phrase{"উত্তর", 1}};

constexpr std::array<std::string_view, 28> kCopulas{
    "is", "=",   ":",      "：",  "**",       "*",       "est",   "es",       "ist", "è",
    "é",  "это", "是",     "为",  "為",       "は",      "여",    "है",        "คือ",  "হল",
    "هي", "هو",  "equals", "are", "would be", "will be", "to be", "should be"};

/// "Answer - 7", "Answer -> 7": a mark between the phrase and the answer. "Answer -7" has a sign.
bool pass_separator(std::string_view lower, size_t& end) {
  for (const std::string_view mark : {" - ", " – ", " — ", " -> ", " => ", " → "}) {
    if (lower.substr(end, mark.size()) != mark) continue;
    end += mark.size();
    return true;
  }
  return false;
}

/// Passes white space, stars and copulas behind a phrase; says whether there was a copula.
bool pass_copulas(std::string_view lower, size_t& end) {
  bool has_copula = pass_separator(lower, end);
  for (bool moved = true; moved;) {
    moved = false;
    while (end < lower.size() && (is_space(lower[end]) || lower[end] == '*')) ++end;
    for (const std::string_view copula : kCopulas) {
      if (lower.compare(end, copula.size(), copula) != 0) continue;
      const size_t after = end + copula.size();
      const bool in_longer =
          is_letter(copula.back()) && after < lower.size() && is_letter(lower[after]);
      if (in_longer) continue;
      end = after;
      has_copula = moved = true;
    }
  }
  return has_copula;
}

/// Whether some phrase begins with this byte.
bool can_begin_phrase(char c) {
  return c == 'f' || c == 'a' || c == 'r' || c == 'c' || c == 'o' || c == 's' || c == 'v' ||
         c == 'j' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::vector<Anchor> find_anchors(std::string_view text) {
  constexpr size_t kKeptAnchors = 24;
  std::vector<Anchor> anchors;
  const std::string lower = lower_case(text);
  for (size_t at = 0; at < lower.size(); ++at) {
    if (!can_begin_phrase(lower[at])) continue;
    if (is_letter(lower[at]) && at > 0 && is_letter(lower[at - 1])) continue;
    for (const Phrase& phrase : kPhrases) {
      if (lower[at] != phrase.text[0]) continue;
      if (lower.compare(at, phrase.text.size(), phrase.text) != 0) continue;
      size_t end = at + phrase.text.size();
      if (end < lower.size() && is_letter(lower[end]) && lower[end] != 's') continue;
      const bool has_copula = pass_copulas(lower, end);
      anchors.push_back({at, std::min(end, text.size()),
                         has_copula ? phrase.weight : std::max(2, phrase.weight)});
      at += phrase.text.size() - 1;
      break;
    }
    if (anchors.size() > 4 * kKeptAnchors) {
      anchors.erase(anchors.begin(), anchors.end() - static_cast<std::ptrdiff_t>(kKeptAnchors));
    }
  }
  std::stable_sort(anchors.begin(), anchors.end(), [](const Anchor& a, const Anchor& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.end > b.end;
  });
  return anchors;
}

}  // namespace gradus::rewards::math
