#include "rewards/math/dates.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <string>

#include "base/ascii.h"
#include "rewards/math/names.h"
#include "rewards/math/reading/text_scan.h"

namespace gradus::rewards::math {
namespace {

constexpr size_t kMaxText = 20'000;  // bytes that are searched, from the end

constexpr std::array<std::string_view, 12> kMonths{"january",   "february", "march",    "april",
                                                   "may",       "june",     "july",     "august",
                                                   "september", "october",  "november", "december"};
constexpr std::array<std::string_view, 7> kWeekdays{"sunday",   "monday", "tuesday", "wednesday",
                                                    "thursday", "friday", "saturday"};

/// The 1-based place of a name or of its usual short form; 0 for any other word.
template <size_t N>
int place_of(const std::array<std::string_view, N>& names, std::string_view word) {
  const bool is_short =
      word.size() == 3 || word == "sept" || word == "tues" || word == "thur" || word == "thurs";
  const auto at = std::find_if(names.begin(), names.end(), [&](std::string_view name) {
    return name == word || (is_short && name.starts_with(word));
  });
  return at == names.end() ? 0 : static_cast<int>(at - names.begin()) + 1;
}

struct DateToken {
  enum class Kind : uint8_t { number, month, weekday, filler, mark, other } kind = Kind::other;
  size_t begin = 0;
  size_t end = 0;
  int value = 0;     // number, month, weekday
  size_t width = 0;  // digits of a number
  char mark = 0;
};

bool is_ordinal_ending(std::string_view word) {
  return word == "st" || word == "nd" || word == "rd" || word == "th";
}

DateToken number_at(std::string_view text, size_t begin) {
  DateToken token{.kind = DateToken::Kind::number, .begin = begin};
  size_t end = begin;
  while (end < text.size() && is_digit(text[end])) {
    if (end - begin < 4) token.value = token.value * 10 + (text[end] - '0');
    ++end;
  }
  token.width = end - begin;
  size_t after = end;
  while (after < text.size() && is_letter(text[after])) ++after;
  if (after > end) {
    if (!is_ordinal_ending(lower_case(text.substr(end, after - end))) || token.width > 2) {
      token.kind = DateToken::Kind::other;
    }
    end = after;
  }
  token.end = end;
  return token;
}

DateToken word_at(std::string_view text, size_t begin) {
  DateToken token{.begin = begin, .end = begin};
  while (token.end < text.size() && is_letter(text[token.end])) ++token.end;
  const std::string word = lower_case(text.substr(begin, token.end - begin));
  const int month = place_of(kMonths, word);
  const int weekday = place_of(kWeekdays, word);
  if (month > 0 || weekday > 0) {
    token.kind = month > 0 ? DateToken::Kind::month : DateToken::Kind::weekday;
    token.value = month > 0 ? month : weekday;
    if (token.end < text.size() && text[token.end] == '.' && word.size() <= 4) ++token.end;
  } else if (word == "the" || word == "of") {
    token.kind = DateToken::Kind::filler;
  }
  return token;
}

std::vector<DateToken> tokens_of(std::string_view text) {
  std::vector<DateToken> tokens;
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      ++i;
    } else if (is_digit(c)) {
      tokens.push_back(number_at(text, i));
      i = tokens.back().end;
    } else if (is_letter(c)) {
      tokens.push_back(word_at(text, i));
      i = tokens.back().end;
    } else if (c == ',') {
      tokens.push_back({.kind = DateToken::Kind::filler, .begin = i, .end = i + 1});
      ++i;
    } else {
      const bool parts = c == '-' || c == '/' || c == '.';
      tokens.push_back({.kind = parts ? DateToken::Kind::mark : DateToken::Kind::other,
                        .begin = i,
                        .end = i + 1,
                        .mark = c});
      ++i;
    }
  }
  return tokens;
}

std::chrono::year_month_day calendar_day(const CalendarDate& date) {
  // A day of every year may be the 29th of February.
  return {std::chrono::year{date.year == 0 ? 2000 : date.year},
          std::chrono::month{static_cast<unsigned>(date.month)},
          std::chrono::day{static_cast<unsigned>(date.day)}};
}

bool is_possible(const CalendarDate& date) {
  if (date.month < 1 || date.month > 12) return false;
  return date.day == 0 || calendar_day(date).ok();
}

/// The 1-based weekday of a full date, Sunday first.
int weekday_of(const CalendarDate& date) {
  const std::chrono::weekday weekday{std::chrono::sys_days{calendar_day(date)}};
  return static_cast<int>(weekday.c_encoding()) + 1;
}

/// Reads one date from the tokens at a place.
class Reader {
 public:
  Reader(const std::vector<DateToken>& tokens, size_t at) : tokens_(tokens), at_(at) {}

  std::optional<CalendarDate> read() {
    if (is(DateToken::Kind::number)) {
      if (const auto date = digits()) return date;
    }
    int weekday = 0;
    if (is(DateToken::Kind::weekday)) {
      weekday = tokens_[at_++].value;
      skip_fillers();
    }
    const auto date = named();
    if (!date || (weekday > 0 && date->day == 0)) return std::nullopt;
    if (weekday > 0 && date->year > 0 && weekday_of(*date) != weekday) return std::nullopt;
    return date;
  }

  /// The first token behind what was read.
  size_t end() const { return at_; }

 private:
  bool is(DateToken::Kind kind, size_t ahead = 0) const {
    return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].kind == kind;
  }
  bool is_day() const { return is(DateToken::Kind::number) && tokens_[at_].width <= 2; }
  bool is_year() const { return is(DateToken::Kind::number) && tokens_[at_].width == 4; }
  void skip_fillers() {
    while (is(DateToken::Kind::filler)) ++at_;
  }

  /// 2024-03-03, 3/14/2024, 14.3.2024.
  std::optional<CalendarDate> digits() {
    for (size_t i = 0; i < 5; ++i) {
      if (!is(i % 2 == 0 ? DateToken::Kind::number : DateToken::Kind::mark, i)) return std::nullopt;
      if (i > 0 && tokens_[at_ + i].begin != tokens_[at_ + i - 1].end) return std::nullopt;
    }
    const DateToken& first = tokens_[at_];
    const DateToken& second = tokens_[at_ + 2];
    const DateToken& third = tokens_[at_ + 4];
    const char mark = tokens_[at_ + 1].mark;
    if (tokens_[at_ + 3].mark != mark) return std::nullopt;
    CalendarDate date;
    if (mark == '-') {
      if (first.width != 4 || second.width != 2 || third.width != 2) return std::nullopt;
      date = {first.value, second.value, third.value};
    } else {
      if (first.width > 2 || second.width > 2 || third.width != 4) return std::nullopt;
      if ((first.value > 12) == (second.value > 12) && first.value != second.value) {
        return std::nullopt;
      }
      date = {third.value, std::min(first.value, second.value),
              std::max(first.value, second.value)};
    }
    if (date.day == 0 || !is_possible(date)) return std::nullopt;
    at_ += 5;
    return date;
  }

  /// March 3, 2024; 3rd of March 2024; March 2024; March 3.
  std::optional<CalendarDate> named() {
    CalendarDate date;
    skip_fillers();
    if (is_day()) {
      date.day = tokens_[at_++].value;
      skip_fillers();
    }
    if (!is(DateToken::Kind::month)) return std::nullopt;
    date.month = tokens_[at_++].value;
    size_t end = at_;
    skip_fillers();
    if (date.day == 0 && is_day()) {
      date.day = tokens_[at_++].value;
      end = at_;
      skip_fillers();
    }
    if (is_year()) {
      date.year = tokens_[at_++].value;
      end = at_;
    }
    at_ = end;
    if ((date.day == 0 && date.year == 0) || !is_possible(date)) return std::nullopt;
    return date;
  }

  const std::vector<DateToken>& tokens_;
  size_t at_;
};

/// Without \text{...}, dollars and what else dresses an answer.
std::string undressed_date(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      const std::string_view name = command_name(text, i);
      const size_t end = i + 1 + name.size();
      const bool is_space = name.empty() && end < text.size() &&
                            (text[end] == ' ' || text[end] == ',' || text[end] == ';');
      if (!is_space && !name.starts_with("text") && name != "mathrm" && name != "mbox") {
        return "";
      }
      i = is_space ? end : end - 1;
      plain += ' ';
    } else if (text[i] == '{' || text[i] == '}' || text[i] == '$' || text[i] == '*') {
      plain += ' ';
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

std::optional<CalendarDate> parse_date(std::string_view text) {
  if (text.size() > 200) return std::nullopt;
  const std::string plain = undressed_date(text);
  std::vector<DateToken> tokens = tokens_of(plain);
  while (!tokens.empty() && tokens.back().mark == '.') tokens.pop_back();
  Reader reader(tokens, 0);
  const auto date = reader.read();
  return date && reader.end() == tokens.size() ? date : std::nullopt;
}

std::vector<std::string_view> find_dates(std::string_view text) {
  if (text.size() > kMaxText) text.remove_prefix(text.size() - kMaxText);
  const std::vector<DateToken> tokens = tokens_of(text);
  std::vector<std::string_view> dates;
  for (size_t i = 0; i < tokens.size();) {
    Reader reader(tokens, i);
    const DateToken::Kind kind = tokens[i].kind;
    const bool may_start = kind == DateToken::Kind::number || kind == DateToken::Kind::month ||
                           kind == DateToken::Kind::weekday;
    if (may_start && reader.read()) {
      const size_t begin = tokens[i].begin;
      dates.push_back(text.substr(begin, tokens[reader.end() - 1].end - begin));
      i = reader.end();
    } else {
      ++i;
    }
  }
  return dates;
}

}  // namespace gradus::rewards::math
