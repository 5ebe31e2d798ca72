#include "rewards/math/special/conditions.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/ascii.h"
#include "rewards/math/compare.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/commands.h"
#include "rewards/math/reading/parser.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kLongestCondition = 1'000;

constexpr std::array<std::string_view, 9> kLeads{
    "if", "for", "when", "where", "whenever", "provided", "whenever", "with", "given"};

bool is_lead(std::string_view word) {
  return std::find(kLeads.begin(), kLeads.end(), word) != kLeads.end();
}

bool has_any(std::string_view text, std::initializer_list<std::string_view> marks) {
  return std::any_of(marks.begin(), marks.end(), [&](std::string_view mark) {
    return text.find(mark) != std::string_view::npos;
  });
}

bool has_inequality(std::string_view text) {
  return has_any(text, {"<", ">", "\\le", "\\ge", "\\ne", "\\leq", "\\geq", "≤", "≥", "\\neq",
                        "\\lt", "\\gt"}) &&
         !has_any(text, {"\\left"});
}

/// Where "if", "for" and the like stand behind an answer, as words or in \text; npos: nowhere.
///
/// @param end  becomes the byte behind the word.
size_t lead_in(std::string_view text, size_t& end) {
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      size_t name_end = i + 1;
      while (name_end < text.size() && is_letter(text[name_end])) ++name_end;
      const std::string_view name = text.substr(i + 1, name_end - i - 1);
      if (is_text_command(name) && name_end < text.size() && text[name_end] == '{' && depth == 0) {
        size_t word = name_end + 1;
        while (word < text.size() && (text[word] == ' ' || text[word] == '~')) ++word;
        size_t word_end = word;
        while (word_end < text.size() && is_letter(text[word_end])) ++word_end;
        if (i > 0 && is_lead(text.substr(word, word_end - word))) {
          end = word_end;
          return i;
        }
      }
      i = name_end - 1;
      continue;
    }
    if (c == '{' || c == '(' || c == '[') ++depth;
    if (c == '}' || c == ')' || c == ']') --depth;
    const bool begins = depth == 0 && is_letter(c) && i > 0 && text[i - 1] == ' ';
    if (!begins) continue;
    size_t word_end = i;
    while (word_end < text.size() && is_letter(text[word_end])) ++word_end;
    if (is_lead(text.substr(i, word_end - i)) && word_end < text.size() && text[word_end] == ' ') {
      end = word_end;
      return i;
    }
    i = word_end - 1;
  }
  return std::string_view::npos;
}

std::string without_text_commands(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      const std::string_view name = command_name(text, i);
      const size_t end = i + 1 + name.size();
      const bool is_space = name.empty() || is_spacing(name);
      if (is_text_command(name) || is_space) {
        plain += ' ';
        i = name.empty() ? i + 1 : end - 1;
        continue;
      }
    }
    const bool is_dressing = text[i] == '$' || text[i] == '~';
    plain += is_dressing ? ' ' : text[i];
  }
  return plain;
}

std::string trimmed_of(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == ',' || text.front() == '}')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == ',' || text.back() == '.')) {
    text.remove_suffix(1);
  }
  return std::string(text);
}

/// The last comma or opening bracket outside of brackets, behind which an inequality stands.
std::optional<Conditioned> behind_comma(std::string_view text) {
  int depth = 0;
  for (size_t i = text.size(); i-- > 1;) {
    const char c = text[i];
    if (c == '}' || c == ')' || c == ']') ++depth;
    if (c == '{' || c == '(' || c == '[') --depth;
    const bool is_comma = c == ',' && depth == 0 && text[i - 1] != '\\';
    const bool is_bracket = c == '(' && depth == 0 && text.ends_with(')') && text[i - 1] == ' ';
    if (!is_comma && !is_bracket) continue;
    std::string condition = trimmed_of(without_text_commands(text.substr(i + 1)));
    if (is_bracket) condition.pop_back();
    std::string main = trimmed_of(text.substr(0, i));
    while (main.ends_with("\\quad") || main.ends_with("\\qquad") || main.ends_with("\\")) {
      main.resize(main.rfind('\\'));
      main = trimmed_of(main);
    }
    if (!has_inequality(condition) || has_inequality(main) || main.empty()) return std::nullopt;
    return Conditioned{main, condition};
  }
  return std::nullopt;
}

/// "all even integers n" as the words that count, in order of the alphabet.
std::vector<std::string> telling_words(std::string_view text) {
  constexpr std::array<std::string_view, 18> kSilent{
      "is", "are", "an",  "a",       "any",      "all",     "every",  "each",    "the",
      "be", "of",  "and", "integer", "integers", "natural", "number", "numbers", "some"};
  std::vector<std::string> words;
  std::string word;
  for (const char c : lower_case(without_text_commands(text)) + " ") {
    if (is_letter_or_digit(c) || c == '\\') {
      word += c;
      continue;
    }
    const bool counts =
        !word.empty() && std::find(kSilent.begin(), kSilent.end(), word) == kSilent.end();
    if (counts) words.push_back(word);
    word.clear();
    if (c != ' ' && c != ',' && c != '{' && c != '}' && c != '.') words.emplace_back(1, c);
  }
  std::sort(words.begin(), words.end());
  return words;
}

/// "n \ge 2" of "all integers n \ge 2".
std::string_view without_quantifiers(std::string_view text) {
  for (bool moved = true; moved;) {
    moved = false;
    while (text.starts_with(' ')) text.remove_prefix(1);
    for (const std::string_view word : {"all ", "any ", "every ", "each ", "some ", "integers ",
                                        "integer ", "natural ", "numbers ", "real "}) {
      if (!text.starts_with(word)) continue;
      text.remove_prefix(word.size());
      moved = true;
    }
  }
  return text;
}

}  // namespace

std::optional<Conditioned> split_condition(std::string_view text) {
  if (text.size() > kLongestCondition || text.find("\\begin") != std::string_view::npos)
    return std::nullopt;
  if (text.find(" if ") == std::string_view::npos && !has_inequality(text) &&
      text.find("text") == std::string_view::npos && text.find(" for ") == std::string_view::npos &&
      text.find(" when") == std::string_view::npos &&
      text.find(" where ") == std::string_view::npos) {
    return std::nullopt;
  }
  size_t end = 0;
  const size_t at = lead_in(text, end);
  if (at == std::string_view::npos) return behind_comma(text);
  Conditioned result{trimmed_of(text.substr(0, at)),
                     trimmed_of(without_text_commands(text.substr(end)))};
  if (result.main.empty() || result.condition.empty()) return std::nullopt;
  std::string plain;
  for (const char c : result.condition) {
    const bool is_lone_brace = c == '}' && std::count(plain.begin(), plain.end(), '{') <=
                                               std::count(plain.begin(), plain.end(), '}');
    if (!is_lone_brace) plain += c;
  }
  result.condition = trimmed_of(plain);
  return result;
}

bool tells_cases_apart(std::string_view condition) {
  const std::string lower = lower_case(condition);
  return has_any(lower, {"odd", "even", "mod", "divisible", "multiple", "prime", "composite",
                         "square", "negative", "positive"}) &&
         !has_any(lower, {"positive integer", "nonnegative", "non-negative", "positive real"});
}

bool is_decisive(std::string_view condition) {
  return tells_cases_apart(condition) || has_inequality(condition) ||
         condition.find('=') != std::string_view::npos;
}

bool same_condition(std::string_view a, std::string_view b) {
  if (telling_words(a) == telling_words(b)) return true;
  a = without_quantifiers(a);
  b = without_quantifiers(b);
  const ParsedMath x = parse_math(a, {});
  const ParsedMath y = parse_math(b, {});
  if (!x.ok() || !y.ok()) return false;
  CompareOptions options;
  options.allow_set_relation_comp = true;
  return Comparison(x.tree, y.tree, options).equal();
}

}  // namespace gradus::rewards::math
