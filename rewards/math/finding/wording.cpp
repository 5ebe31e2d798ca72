#include "rewards/math/finding/wording.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii.h"
#include "rewards/math/finding/number_words.h"
#include "rewards/math/finding/stance.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/commands.h"
#include "rewards/math/reading/text_scan.h"
#include "rewards/math/units.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kLongestWording = 2'000;

template <size_t N>
bool is_among(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

/// Without commands of text and spacing, braces, dollars, stars and quotes; white space as one
/// blank.
std::string undressed_words(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      const std::string_view name = command_name(text, i);
      const size_t end = i + 1 + name.size();
      if (name.empty()) {  // \, \% \( and the like
        if (end < text.size() && (text[end] == '%' || text[end] == '&')) plain += text[end];
        if (!plain.ends_with(' ')) plain += ' ';
        i = end;
        continue;
      }
      if (!is_text_command(name) && !is_spacing(name)) {
        plain.append(text, i, end - i);
      } else if (is_spacing(name) && !plain.ends_with(' ')) {
        plain += ' ';
      }
      i = end - 1;
      continue;
    }
    const bool is_dressing = c == '{' || c == '}' || c == '$' || c == '*' || c == '`' || c == '"';
    if (is_dressing) continue;
    if (is_space(c) || c == '~') {
      if (!plain.empty() && !plain.ends_with(' ')) plain += ' ';
    } else {
      plain += c;
    }
  }
  return plain;
}

/// A word, a number or a sign of a text.
struct Part {
  std::string text;
  bool is_word = false;
  bool is_number = false;
};

std::vector<Part> parts_of(std::string_view text) {
  std::vector<Part> parts;
  for (size_t i = 0; i < text.size();) {
    const size_t begin = i;
    const auto is_word_byte = [&](size_t at) {
      const auto byte = static_cast<unsigned char>(text[at]);
      const bool begins_sign = byte == 0xC2 || byte == 0xE2;  // €, £, dashes
      return is_letter(text[at]) || (byte >= 0x80 && !(begins_sign && at == i));
    };
    if (is_word_byte(i)) {
      while (i < text.size() && is_word_byte(i)) ++i;
      parts.push_back({std::string(text.substr(begin, i - begin)), true, false});
    } else if (is_digit(text[i])) {
      while (i < text.size() && (is_digit(text[i]) || text[i] == '.' || text[i] == ',')) ++i;
      parts.push_back({std::string(text.substr(begin, i - begin)), false, true});
    } else {
      const auto byte = static_cast<unsigned char>(text[i]);
      const size_t size = byte == 0xE2 ? 3 : byte == 0xC2 ? 2 : 1;
      if (text[i] != ' ') parts.push_back({std::string(text.substr(i, size)), false, false});
      i += size;
    }
  }
  return parts;
}

/// Words that leave a number what it is.
bool is_harmless(const std::string& word) {
  constexpr std::array<std::string_view, 26> kHarmless{
      "approximately", "about", "around", "exactly", "roughly", "approx", "circa", "minus",
      "negative",      "plus",  "option", "choice",  "answer",  "total",  "the",   "final",
      "number",        "value", "result", "step",    "rs",      "a",      "an",    "of",
      "solution",      "equals"};
  const std::string lower = lower_case(word);
  return is_among(kHarmless, lower) || is_unit(word) || is_percent_word(word) ||
         is_joining_word(word) || multiplier_of(word) != 0 || function_name(word) ||
         constant_name(word) || is_symbol_command(word) || number_in_words(word);
}

/// Words behind a number that make it a bound or a place.
bool decides_behind(const std::string& word) {
  constexpr std::array<std::string_view, 18> kDeciding{
      "more", "less",  "fewer", "greater", "higher", "lower", "above",   "below",   "under",
      "over", "least", "most",  "before",  "after",  "ago",   "minimum", "maximum", "times"};
  return is_among(kDeciding, lower_case(word));
}

bool leads_on(const std::string& word) {
  constexpr std::array<std::string_view, 14> kCopulas{"is",  "are", "be",   "was",  "equals",
                                                      "has", "get", "gets", "have", "gives",
                                                      "est", "es",  "ist",  "makes"};
  return is_among(kCopulas, lower_case(word));
}

}  // namespace

std::string wording(std::string_view text) {
  if (text.size() > kLongestWording) return "";
  const std::string plain = lower_case(undressed_words(text));
  std::string_view words = bare(plain);
  while (!words.empty() && (words.back() == '.' || words.back() == '!')) words.remove_suffix(1);
  for (const std::string_view article : {"the ", "an ", "a "}) {
    if (words.starts_with(article) && words.size() > article.size() + 1) {
      words.remove_prefix(article.size());
    }
  }
  return std::string(words);
}

bool is_decided_by_words(std::string_view gold) {
  if (gold.size() > 200 || gold.find("####") != std::string_view::npos) return false;
  const std::string plain = undressed_words(bare(gold));
  if (plain.find_first_of("=<>^*/+\\()[]{}|_&") != std::string::npos) return false;
  const std::vector<Part> parts = parts_of(plain);
  bool has_value = false;  // a number or a letter that alone could be taken for the answer
  bool has_word = false;   // before it
  for (size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const bool is_letter_alone = part.is_word && part.text.size() == 1 && i > 0;
    if (part.is_number || is_letter_alone) {
      const bool is_announced = i > 0 && (parts[i - 1].text == ":" ||
                                          (parts[i - 1].is_word && leads_on(parts[i - 1].text)));
      if (is_announced) return false;
      has_value = true;
      continue;
    }
    if (!part.is_word || part.text.size() < 2) continue;
    if (has_value && decides_behind(part.text)) return true;
    const bool is_first_of_letters = i == 0 && parts.size() == 1;
    if (!has_value && !is_first_of_letters && !is_harmless(part.text)) has_word = true;
    const bool is_bound = lower_case(part.text) == "over" || lower_case(part.text) == "half";
    if (!has_value && is_bound && parts.size() > 1) has_word = true;
  }
  return has_value && has_word;
}

bool states(std::string_view text, std::string_view gold) {
  const std::string wanted = wording(gold);
  if (wanted.empty()) return false;
  std::string_view line = text.substr(0, 2 * gold.size() + 400);
  while (!line.empty() && (is_space(line.front()) || line.front() == ':')) line.remove_prefix(1);
  line = line.substr(0, line.find('\n'));
  const std::string plain = lower_case(undressed_words(line));
  std::string_view said = plain;
  while (said.starts_with(' ')) said.remove_prefix(1);
  for (const std::string_view article : {"the ", "an ", "a "}) {
    const bool is_extra = said.starts_with(article) && !said.starts_with(wanted);
    if (is_extra) said.remove_prefix(article.size());
  }
  if (!said.starts_with(wanted)) return false;
  std::string_view rest = said.substr(wanted.size());
  if (sequel_in(rest).kind != Sequel::Kind::none) return false;
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  if (rest.empty()) return true;
  for (const std::string_view ending :
       {". ", "! ", ", because", "because", ", since", "since ", ", as ", ". ", "; "}) {
    if (rest.starts_with(ending)) return true;
  }
  return rest.find_first_not_of(".!") == std::string_view::npos;
}

std::string_view behind_copula(std::string_view text) {
  text = bare(text);
  const size_t line = text.rfind('\n');
  if (line != std::string_view::npos) text.remove_prefix(line + 1);
  size_t at = 0;
  for (const std::string_view copula : {" is ", " are "}) {
    const size_t found = text.rfind(copula);
    if (found != std::string_view::npos) at = std::max(at, found + copula.size());
  }
  if (at == 0) return {};
  const std::string before = lower_case(text.substr(0, at));
  for (const std::string_view doubt : {"not ", "n't", "whether", " if ", "never", "what ", "which ",
                                       "wrong", "false", "cannot", "hardly"}) {
    if (before.find(doubt) != std::string::npos) return {};
  }
  return text.substr(at);
}

std::optional<bool> truth_word(std::string_view word) {
  const std::string lower = lower_case(bare(word));
  if (lower == "yes" || lower == "true") return true;
  if (lower == "no" || lower == "false") return false;
  return std::nullopt;
}

namespace {

size_t count_word(std::string_view text, std::string_view word) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
    const size_t end = at + word.size();
    const bool begins = at == 0 || !is_letter(text[at - 1]);
    count += begins && (end == text.size() || !is_letter(text[end])) ? 1 : 0;
  }
  return count;
}

/// "the claim is true", "it is not false": the last that is said, less what is asked ("whether").
std::optional<bool> last_judgement(std::string_view text) {
  std::optional<bool> verdict;
  for (const std::string_view word : {"true", "false"}) {
    size_t last = std::string_view::npos;
    for (size_t at = 0; (at = text.find(word, at)) != std::string_view::npos; ++at) {
      const std::string_view before = text.substr(0, at);
      const size_t end = at + word.size();
      const bool is_whole = end == text.size() || !is_letter(text[end]);
      const bool is_said = before.ends_with("is ") || before.ends_with("is not ") ||
                           before.ends_with("isn't ") || before.ends_with("therefore ");
      if (is_whole && is_said) last = at;
    }
    if (last == std::string_view::npos) continue;
    const std::string_view before = text.substr(0, last);
    const bool is_later = !verdict || text.rfind(verdict.value() ? "true" : "false") < last;
    const size_t clause = before.find_last_of(".;,");
    const std::string_view lead = clause == std::string_view::npos ? before : before.substr(clause);
    const bool is_asked = lead.find("whether") != std::string_view::npos ||
                          lead.find(" if ") != std::string_view::npos;
    if (is_asked) return std::nullopt;
    const bool is_negated = before.ends_with("not ") || before.ends_with("n't ");
    if (is_later) verdict = (word == "true") != is_negated;
  }
  return verdict;
}

}  // namespace

std::optional<bool> truth_in(std::string_view statement, std::string_view gold) {
  if (statement.size() > kLongestWording) return std::nullopt;
  const std::string plain = lower_case(undressed_words(statement));
  std::string_view said = plain;
  while (said.starts_with(' ')) said.remove_prefix(1);
  const bool is_yes_or_no = lower_case(bare(gold)) == "yes" || lower_case(bare(gold)) == "no";
  const std::string_view affirms = is_yes_or_no ? "yes" : "true";
  const std::string_view denies = is_yes_or_no ? "no" : "false";
  for (const std::string_view word : {affirms, denies}) {
    if (!said.starts_with(word)) continue;
    std::string_view rest = said.substr(word.size());
    const bool is_word = rest.empty() || !(is_letter_or_digit(rest[0]) || rest[0] == '-');
    if (!is_word) continue;
    const std::string_view other = word == affirms ? denies : affirms;
    if (count_word(rest, other) > 0 || count_word(rest, "wait") > 0 ||
        count_word(rest, "actually") > 0) {
      return std::nullopt;
    }
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const bool is_reasoned =
        rest.empty() || std::string_view(".,;:!").find(rest[0]) != std::string_view::npos ||
        rest.starts_with("because") || rest.starts_with("since") || rest.starts_with("as ");
    const bool is_answered = !rest.starts_with(", but") && !rest.starts_with(", or");
    return is_reasoned && is_answered ? std::optional(word == affirms) : std::nullopt;
  }
  return is_yes_or_no ? std::nullopt : last_judgement(said);
}

}  // namespace gradus::rewards::math
