#include "rewards/scores/languages.h"

#include <algorithm>
#include <array>
#include <map>
#include <unordered_map>

#include "base/utf8.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

constexpr double kMargin = 1.5;     // between the best and the next
constexpr double kKanaShare = 0.1;  // of kana and Han together; Japanese has more, Chinese none

using Evidence = std::unordered_map<std::string, std::vector<size_t>>;  // word -> languages

// Which languages have a word or letter.
Evidence evidence_of(const char* Language::*list) {
  Evidence evidence;
  const auto& all = languages();
  for (size_t i = 0; i < all.size(); ++i) {
    for (const auto word : split_words(all[i].*list)) {
      auto& having = evidence[std::string(word)];
      if (having.empty() || having.back() != i) having.push_back(i);
    }
  }
  return evidence;
}

void add(const Evidence& evidence, const std::string& key, double weight,
         std::vector<double>& scores) {
  const auto found = evidence.find(key);
  if (found == evidence.end()) return;
  for (const size_t language : found->second) {
    scores[language] += weight / static_cast<double>(found->second.size());
  }
}

using ScriptCounts = std::array<int64_t, 28>;

int64_t& at(ScriptCounts& counts, Script script) {
  return counts[static_cast<size_t>(script)];
}

ScriptCounts count_scripts(std::string_view text) {
  ScriptCounts counts{};
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    ++at(counts, script_of(point.value));
    i += point.num_bytes;
  }
  at(counts, Script::none) = 0;
  return counts;
}

// Han is Chinese unless kana or Hangul stand between.
std::optional<Script> main_script(ScriptCounts counts) {
  const auto kana = at(counts, Script::hiragana) + at(counts, Script::katakana);
  const auto east = kana + at(counts, Script::han);
  if (kana > 0 && static_cast<double>(kana) >= kKanaShare * static_cast<double>(east)) {
    at(counts, Script::hiragana) = east;
    at(counts, Script::katakana) = at(counts, Script::han) = 0;
  }
  const auto* best = std::max_element(counts.begin(), counts.end());
  if (*best == 0) return std::nullopt;
  return static_cast<Script>(best - counts.begin());
}

// A letter counts once a text: a language is no surer for repeating it.
void add_letters(std::string_view text, std::vector<double>& scores) {
  static const Evidence kLetters = evidence_of(&Language::letters);
  std::map<std::string, bool> seen;
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    std::string letter(text.substr(i, point.num_bytes));
    if (point.value >= 0x80 && !std::exchange(seen[letter], true)) {
      add(kLetters, letter, 1.5, scores);
    }
    i += point.num_bytes;
  }
}

std::string_view without_punctuation_at_ends(std::string_view word) {
  const auto is_mark = [](char c) {
    return (c >= '!' && c <= '/') || (c >= ':' && c <= '@') || (c >= '[' && c <= '`') ||
           (c >= '{' && c <= '~');
  };
  while (!word.empty() && is_mark(word.front())) word.remove_prefix(1);
  while (!word.empty() && is_mark(word.back())) word.remove_suffix(1);
  return word;
}

std::vector<double> scores_of(std::string_view text) {
  static const Evidence kWords = evidence_of(&Language::words);
  std::vector<double> scores(languages().size(), 0.0);
  const std::string lower = lower_case(text);
  for (const auto word : split_words(lower)) {
    add(kWords, std::string(without_punctuation_at_ends(word)), 1.0, scores);
  }
  add_letters(lower, scores);
  return scores;
}

}  // namespace

bool Language::uses(Script script) const {
  return std::find(scripts.begin(), scripts.end(), script) != scripts.end();
}

const Language* find_language(std::string_view code) {
  std::string base = lower_case(code.substr(0, code.find_first_of("-_")));
  for (const Language& language : languages()) {
    if (base == language.code) return &language;
  }
  return nullptr;
}

std::vector<std::string> language_codes() {
  std::vector<std::string> codes;
  for (const Language& language : languages()) codes.emplace_back(language.code);
  return codes;
}

std::optional<std::string_view> identify_language(std::string_view text, double min_evidence) {
  const auto script = main_script(count_scripts(text));
  if (!script) return std::nullopt;
  std::vector<size_t> candidates;
  for (size_t i = 0; i < languages().size(); ++i) {
    // The first of the scripts decides: Korean and Japanese use Han beside their own.
    if (languages()[i].scripts.front() == *script) candidates.push_back(i);
  }
  if (candidates.empty()) return std::nullopt;
  if (candidates.size() == 1) return languages()[candidates[0]].code;
  const auto scores = scores_of(text);
  const auto is_less = [&scores](size_t a, size_t b) { return scores[a] < scores[b]; };
  const size_t best = *std::max_element(candidates.begin(), candidates.end(), is_less);
  double next = 0.0;
  for (const size_t i : candidates) {
    if (i != best) next = std::max(next, scores[i]);
  }
  if (scores[best] < min_evidence || scores[best] < kMargin * next) return std::nullopt;
  return languages()[best].code;
}

}  // namespace gradus::rewards
