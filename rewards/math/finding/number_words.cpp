#include "rewards/math/finding/number_words.h"

#include <array>
#include <cstdint>
#include <utility>
#include <vector>

#include "base/ascii.h"
#include "base/utf8.h"
#include "rewards/math/names.h"

namespace gradus::rewards::math {
namespace {

using Named = std::pair<std::string_view, int64_t>;

template <size_t N>
std::optional<int64_t> value_named(const std::array<Named, N>& table, std::string_view word) {
  for (const auto& [name, value] : table) {
    if (name == word) return value;
  }
  return std::nullopt;
}

constexpr std::array<Named, 28> kEnglish{
    {{"zero", 0},     {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},
     {"five", 5},     {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},
     {"ten", 10},     {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14},
     {"fifteen", 15}, {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19},
     {"twenty", 20},  {"thirty", 30},  {"forty", 40},     {"fifty", 50},    {"sixty", 60},
     {"seventy", 70}, {"eighty", 80},  {"ninety", 90}}};

constexpr std::array<Named, 5> kScales{{{"hundred", 100},
                                        {"thousand", 1'000},
                                        {"million", 1'000'000},
                                        {"billion", 1'000'000'000},
                                        {"trillion", 1'000'000'000'000}}};

constexpr std::array<Named, 18> kParts{{{"half", 2},
                                        {"halves", 2},
                                        {"third", 3},
                                        {"thirds", 3},
                                        {"quarter", 4},
                                        {"quarters", 4},
                                        {"fourth", 4},
                                        {"fourths", 4},
                                        {"fifth", 5},
                                        {"fifths", 5},
                                        {"sixth", 6},
                                        {"sixths", 6},
                                        {"sevenths", 7},
                                        {"eighth", 8},
                                        {"eighths", 8},
                                        {"tenth", 10},
                                        {"tenths", 10},
                                        {"hundredths", 100}}};

/// Other languages: names of one word, which add up ("treinta y cinco").
constexpr std::array kOthers = std::to_array<Named>(
    {{"un", 1},         {"une", 1},        {"eine", 1},       {"cero", 0},       {"uno", 1},
     {"una", 1},        {"dos", 2},        {"tres", 3},       {"cuatro", 4},     {"cinco", 5},
     {"seis", 6},       {"siete", 7},      {"ocho", 8},       {"nueve", 9},      {"diez", 10},
     {"once", 11},      {"doce", 12},      {"trece", 13},     {"catorce", 14},   {"quince", 15},
     {"veinte", 20},    {"treinta", 30},   {"cuarenta", 40},  {"cincuenta", 50}, {"sesenta", 60},
     {"setenta", 70},   {"ochenta", 80},   {"noventa", 90},   {"zéro", 0},       {"deux", 2},
     {"trois", 3},      {"quatre", 4},     {"cinq", 5},       {"sept", 7},       {"huit", 8},
     {"neuf", 9},       {"dix", 10},       {"onze", 11},      {"douze", 12},     {"treize", 13},
     {"quatorze", 14},  {"quinze", 15},    {"seize", 16},     {"vingt", 20},     {"trente", 30},
     {"quarante", 40},  {"cinquante", 50}, {"soixante", 60},  {"eins", 1},       {"zwei", 2},
     {"drei", 3},       {"vier", 4},       {"fünf", 5},       {"sechs", 6},      {"sieben", 7},
     {"acht", 8},       {"neun", 9},       {"zehn", 10},      {"elf", 11},       {"zwölf", 12},
     {"zwanzig", 20},   {"dreißig", 30},   {"vierzig", 40},   {"fünfzig", 50},   {"sechzig", 60},
     {"siebzig", 70},   {"achtzig", 80},   {"neunzig", 90},   {"due", 2},        {"tre", 3},
     {"quattro", 4},    {"cinque", 5},     {"sei", 6},        {"sette", 7},      {"otto", 8},
     {"nove", 9},       {"dieci", 10},     {"undici", 11},    {"dodici", 12},    {"venti", 20},
     {"trenta", 30},    {"quaranta", 40},  {"cinquanta", 50}, {"dois", 2},       {"duas", 2},
     {"três", 3},       {"quatro", 4},     {"sete", 7},       {"oito", 8},       {"dez", 10},
     {"doze", 12},      {"treze", 13},     {"vinte", 20},     {"trinta", 30},    {"quarenta", 40},
     {"cinquenta", 50}, {"sessenta", 60}});

constexpr std::array kHan = std::to_array<Named>({{"零", 0},
                                                  {"〇", 0},
                                                  {"一", 1},
                                                  {"二", 2},
                                                  {"两", 2},
                                                  {"兩", 2},
                                                  {"三", 3},
                                                  {"四", 4},
                                                  {"五", 5},
                                                  {"六", 6},
                                                  {"七", 7},
                                                  {"八", 8},
                                                  {"九", 9},
                                                  {"十", 10},
                                                  {"百", 100},
                                                  {"千", 1'000},
                                                  {"万", 10'000},
                                                  {"亿", 100'000'000}});

std::vector<std::string> spoken_words_of(std::string_view text) {
  std::vector<std::string> tokens;
  std::string token;
  for (const char c : lower_case(text) + " ") {
    if (c != ' ' && c != '-' && c != '\n') {
      token += c;
      continue;
    }
    if (!token.empty()) tokens.push_back(std::exchange(token, ""));
  }
  return tokens;
}

/// A whole number of these words; nullopt where one of them is none.
std::optional<int64_t> whole_english(const std::vector<std::string>& words, size_t begin,
                                     size_t end) {
  int64_t total = 0;
  int64_t group = 0;
  int64_t last = 0;  // the number before, below a hundred: "twenty one", but not "one twenty"
  bool has_number = false;
  for (size_t i = begin; i < end; ++i) {
    if (words[i] == "and" && has_number && i + 1 < end) continue;
    if (words[i] == "a" && i == begin && i + 1 < end && value_named(kScales, words[i + 1])) {
      group = last = 1;
      has_number = true;
      continue;
    }
    if (const auto value = value_named(kEnglish, words[i])) {
      const bool follows_tens = last >= 20 && last % 10 == 0 && *value > 0 && *value < 10;
      if (last != 0 && !follows_tens) return std::nullopt;
      group += *value;
      last = *value;
      has_number = true;
      continue;
    }
    const auto scale = value_named(kScales, words[i]);
    if (!scale || !has_number || group == 0 || group >= 1'000'000) return std::nullopt;
    group *= *scale;
    last = 0;
    if (*scale > 100) {
      total += group;
      group = 0;
    }
  }
  return has_number ? std::optional(total + group) : std::nullopt;
}

std::optional<std::string> english(const std::vector<std::string>& words) {
  if (words.empty()) return std::nullopt;
  if (const auto whole = whole_english(words, 0, words.size())) return std::to_string(*whole);
  // "two and a half", "three quarters", "one third", "half"
  if (const auto part = value_named(kParts, words.back())) {
    const size_t end = words.size() - 1;
    if (end == 0) return *part == 2 ? std::optional<std::string>("1/2") : std::nullopt;
    const bool is_one = words[end - 1] == "a" || words[end - 1] == "one";
    if (is_one && end == 1) return "1/" + std::to_string(*part);
    if (is_one && end > 2 && words[end - 2] == "and") {
      const auto whole = whole_english(words, 0, end - 2);
      if (whole) return std::to_string(*whole * *part + 1) + "/" + std::to_string(*part);
    }
    const auto top = whole_english(words, 0, end);
    if (top) return std::to_string(*top) + "/" + std::to_string(*part);
    return std::nullopt;
  }
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] != "point") continue;
    const auto whole = whole_english(words, 0, i);
    if (!whole) return std::nullopt;
    std::string number = std::to_string(*whole) + ".";
    for (size_t k = i + 1; k < words.size(); ++k) {
      const auto digit = value_named(kEnglish, words[k]);
      if (!digit || *digit > 9) return std::nullopt;
      number += std::to_string(*digit);
    }
    return number;
  }
  return std::nullopt;
}

std::optional<std::string> other_language(const std::vector<std::string>& words) {
  int64_t total = 0;
  int64_t last = 0;
  for (size_t i = 0; i < words.size(); ++i) {
    const bool joins = words[i] == "y" || words[i] == "et" || words[i] == "e";
    if (joins && i > 0 && i + 1 < words.size()) continue;
    const auto value = value_named(kOthers, words[i]);
    const bool fits = value && (i == 0 || (last >= 20 && *value < 10));
    if (!fits) return std::nullopt;
    total += *value;
    last = *value;
  }
  return words.empty() ? std::nullopt : std::optional(std::to_string(total));
}

/// Han numerals: 三百二十一; 0 digits long where there is none. `size` becomes their bytes.
std::optional<int64_t> han_whole(std::string_view text, size_t& size) {
  int64_t total = 0;
  int64_t group = 0;
  int64_t digit = 0;
  bool has_any = false;
  size = 0;
  while (size < text.size()) {
    const size_t bytes = code_point_at(text, size).num_bytes;
    const auto value = value_named(kHan, text.substr(size, bytes));
    if (!value || total > 1'000'000'000'000) break;
    size += bytes;
    has_any = true;
    if (*value < 10) {
      digit = *value;
    } else if (*value < 10'000) {
      group += (digit == 0 ? 1 : digit) * *value;
      digit = 0;
    } else {
      total += (group + digit) * *value;
      group = digit = 0;
    }
  }
  return has_any ? std::optional(total + group + digit) : std::nullopt;
}

/// The Han number at the start, with its 分之; `size` becomes its bytes.
std::optional<std::string> han_number(std::string_view text, size_t& size) {
  const bool is_negative = text.starts_with("负") || text.starts_with("負");
  const size_t sign = is_negative ? 3 : 0;
  const auto first = han_whole(text.substr(sign), size);
  size += sign;
  if (!first) return std::nullopt;
  constexpr std::string_view kPartsOf = "分之";
  if (text.substr(size).starts_with(kPartsOf)) {
    size_t more = 0;
    const auto top = han_whole(text.substr(size + kPartsOf.size()), more);
    if (!top) return std::nullopt;
    size += kPartsOf.size() + more;
    return (is_negative ? "-" : "") + std::to_string(*top) + "/" + std::to_string(*first);
  }
  return (is_negative ? "-" : "") + std::to_string(*first);
}

}  // namespace

std::optional<std::string> number_in_words(std::string_view text) {
  constexpr size_t kLongest = 120;
  if (text.size() > kLongest || text.empty()) return std::nullopt;
  if (static_cast<unsigned char>(text[0]) >= 0xE0) {
    size_t size = 0;
    auto number = han_number(text, size);
    return size == text.size() ? number : std::nullopt;
  }
  std::vector<std::string> words = spoken_words_of(text);
  if (words.empty()) return std::nullopt;
  const bool is_negative = words[0] == "minus" || words[0] == "negative";
  if (is_negative) words.erase(words.begin());
  auto number = english(words);
  if (!number) number = other_language(words);
  if (number && is_negative) number->insert(0, "-");
  return number;
}

namespace {

/// "五个", "一共有五个": a Han number, and at most a measure word or a noun behind it.
std::optional<std::string> stated_in_han(std::string_view text) {
  for (const std::string_view opening :
       {"一共有", "一共", "共有", "共", "总共有", "有", "是", "为"}) {
    if (!text.starts_with(opening)) continue;
    text.remove_prefix(opening.size());
    break;
  }
  size_t size = 0;
  auto number = han_number(text, size);
  if (!number) return std::nullopt;
  std::string_view rest = text.substr(size);
  for (const std::string_view mark : {"。", "．"}) {
    if (rest.ends_with(mark)) rest.remove_suffix(mark.size());
  }
  constexpr size_t kNoun = 9;  // three characters
  const bool is_alone = rest.size() <= kNoun && rest.find("或") == std::string_view::npos &&
                        rest.find("不") == std::string_view::npos;
  return is_alone ? number : std::nullopt;
}

}  // namespace

std::optional<std::string> number_stated_in_words(std::string_view statement) {
  while (!statement.empty() && (statement.back() == '.' || statement.back() == ' ' ||
                                statement.back() == '!' || statement.back() == '*')) {
    statement.remove_suffix(1);
  }
  while (!statement.empty() && (statement.front() == ' ' || statement.front() == '*')) {
    statement.remove_prefix(1);
  }
  if (statement.empty()) return std::nullopt;
  if (static_cast<unsigned char>(statement[0]) >= 0xE0) return stated_in_han(statement);
  if (auto whole = number_in_words(statement)) return whole;
  const size_t space = statement.rfind(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const std::string noun = lower_case(statement.substr(space + 1));
  for (const char c : noun) {
    if (!is_letter(c)) return std::nullopt;
  }
  for (const std::string_view word : {"or", "and", "of", "more", "less", "fewer", "not", "wrong"}) {
    if (noun == word) return std::nullopt;
  }
  return number_in_words(statement.substr(0, space));
}

}  // namespace gradus::rewards::math
