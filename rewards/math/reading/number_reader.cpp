#include "rewards/math/reading/number_reader.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/ascii.h"

namespace gradus::rewards::math {
namespace {

constexpr int64_t kLargestExponent = 20'000;

/// What a period adds that comes again and again behind `num_decimals` decimals.
Rational repetition_of(std::string_view period, size_t num_decimals) {
  const Rational nines = Rational::power_of_ten(static_cast<int64_t>(period.size())) - Rational(1);
  const Rational shift = Rational::power_of_ten(-static_cast<int64_t>(num_decimals));
  return *Rational::from_decimal(period) / nines * shift;
}

}  // namespace

std::optional<NumberReader::Reading> NumberReader::read(size_t at, bool is_bracketed,
                                                        bool may_group) {
  at_ = at;
  is_bracketed_ = is_bracketed;
  may_group_ = may_group;
  Digits read;
  read.whole = digits();
  if (!european(read)) grouped(read);
  if (read.whole.size() + read.decimals.size() > kMaxDigits) return std::nullopt;
  if (read.whole.empty()) read.whole.push_back('0');
  Reading reading;
  reading.value = *Rational::from_decimal(read.decimals.empty() ? read.whole
                                                                : read.whole + "." + read.decimals);
  const bool is_repeating = read.is_decimal && (repeating(reading.value, read.decimals.size()) ||
                                                goes_on(reading.value, read.decimals));
  reading.is_decimal = read.is_decimal && !is_repeating;
  const int64_t exponent = exponent_part();
  if (std::abs(exponent) > kLargestExponent) {
    reading.exponent = exponent;
  } else if (exponent != 0) {
    reading.value = reading.value * Rational::power_of_ten(exponent);
  }
  reading.end = at_;
  return reading;
}

bool NumberReader::is_overline(size_t at) const {
  return looking_at("\\overline{", at) || looking_at("\\bar{", at) || looking_at("\\dot{", at);
}

/// 14 {, }916: the size of a comma in braces, with spaces around; 0: there is none.
size_t NumberReader::braced_comma(size_t at) const {
  const size_t begin = at;
  const auto skip = [&] {
    while (at < text_.size() && text_[at] == ' ') ++at;
  };
  for (const char c : {'{', ',', '}'}) {
    skip();
    if (at >= text_.size() || text_[at] != c) return 0;
    ++at;
  }
  skip();
  return at - begin;
}

/// Whether the run of digits and commas around `at` is one number: 12,345,678, but neither
/// 98,99,100 nor 10,100,1000.
bool NumberReader::is_grouped_run(size_t at) {
  if (at < run_end_) return is_run_grouped_;
  const auto belongs = [&](size_t i) { return is_digit(text_[i]) || text_[i] == ','; };
  size_t begin = at;
  while (begin > 0 && belongs(begin - 1)) --begin;
  run_end_ = at;
  while (run_end_ < text_.size() && belongs(run_end_)) ++run_end_;
  size_t end = run_end_;
  while (end > at && text_[end - 1] == ',') --end;
  is_run_grouped_ = true;
  bool is_first = true;
  size_t size = 0;  // of a group
  for (size_t i = begin; i <= end; ++i) {
    if (i < end && text_[i] != ',') {
      ++size;
      continue;
    }
    is_run_grouped_ = is_run_grouped_ && (is_first ? size >= 1 && size <= 3 : size == 3);
    is_first = false;
    size = 0;
  }
  return is_run_grouped_;
}

/// Bytes of a thousands separator at `at`, if three digits and no fourth follow it; else 0.
size_t NumberReader::group_separator(size_t at, std::string_view digits_before) {
  if (digits_before.size() > 3 || digits_before == "0") return 0;
  if (!may_group_) return 0;
  size_t size = 0;
  if (const size_t braced = braced_comma(at)) {
    size = braced;
  } else if (looking_at(",{}", at) || looking_at("\\!,", at)) {
    size = 3;
  } else if (looking_at("{\\,}", at)) {
    size = 4;
  } else if (looking_at(",\\!", at)) {
    size = 3;
    while (at + size < text_.size() && text_[at + size] == ' ') ++size;
  } else if (looking_at("\\,", at) || looking_at("\\ ", at) || looking_at("\\;", at) ||
             looking_at("{ }", at)) {
    size = looking_at("{ }", at) ? 3 : 2;
  } else if (at < text_.size() && (text_[at] == ',' || text_[at] == '\'') &&
             (text_[at] == '\'' || (!is_bracketed_ && style_.commas_group &&
                                    !style_.comma_is_decimal && is_grouped_run(at)))) {
    size = 1;
  } else if (at < text_.size() && (text_[at] == ' ' || text_[at] == '~') && !is_bracketed_) {
    size = 1;
    if (text_.size() > at + 4 && text_[at + 4] == '/') return 0;  // a mixed number
  }
  if (size == 0) return 0;
  for (size_t i = 0; i < 3; ++i) {
    if (at + size + i >= text_.size() || !is_digit(text_[at + size + i])) return 0;
  }
  const size_t after = at + size + 3;
  return after < text_.size() && is_digit(text_[after]) ? 0 : size;
}

/// Digits; {} between them is nothing.
std::string NumberReader::digits() {
  std::string result;
  while (true) {
    const size_t begin = at_;
    while (is_digit(peek())) ++at_;
    result += text_.substr(begin, at_ - begin);
    if (result.empty() || !looking_at("{}", at_) || !is_digit(peek(2))) return result;
    at_ += 2;
  }
}

/// 1.234,56 and 1.234.567: points group, and a comma is the decimal sign.
bool NumberReader::european(Digits& read) {
  size_t at = at_;
  size_t num_groups = 0;
  std::string digits = read.whole;
  while (digits.size() <= 3 + num_groups * 3 && at < text_.size() && text_[at] == '.') {
    if (at + 3 >= text_.size()) break;
    if (!is_digit(text_[at + 1]) || !is_digit(text_[at + 2]) || !is_digit(text_[at + 3])) break;
    if (at + 4 < text_.size() && is_digit(text_[at + 4])) break;
    digits.append(text_, at + 1, 3);
    at += 4;
    ++num_groups;
  }
  const bool has_comma = at + 1 < text_.size() && text_[at] == ',' && is_digit(text_[at + 1]);
  if (num_groups == 0 || read.whole.size() > 3 || (num_groups == 1 && !has_comma)) return false;
  if (is_bracketed_ && num_groups == 1) return false;
  read.whole = digits;
  at_ = at;
  if (has_comma) {
    ++at_;
    read.decimals = this->digits();
  }
  read.is_decimal = !read.decimals.empty();
  return true;
}

/// Digits with separators of thousands, and decimals behind a point or a comma.
void NumberReader::grouped(Digits& read) {
  std::string group = read.whole;
  while (const size_t size = group_separator(at_, group)) {
    at_ += size;
    group = digits();
    read.whole += group;
  }
  const bool has_comma = style_.comma_is_decimal && peek() == ',' && is_digit(peek(1));
  const size_t braced = read.whole.empty() ? 0 : braced_comma(at_);  // 3{,}14
  const bool has_braced = braced > 0 && is_digit(peek(braced));
  const bool has_point =
      peek() == '.' && !looking_at("...", at_) &&
      (is_digit(peek(1)) || (!is_letter(peek(1)) && !read.whole.empty()) || is_overline(at_ + 1));
  if (!has_comma && !has_point && !has_braced) return;
  at_ += has_braced ? braced : 1;
  read.decimals = digits();
  read.is_decimal = has_comma || !read.decimals.empty() || is_overline(at_) || is_period_here();
}

/// The (3) of 0.(3).
bool NumberReader::is_period_here() const {
  size_t end = at_ + 1;
  if (peek() != '(') return false;
  while (end < text_.size() && is_digit(text_[end])) ++end;
  return end > at_ + 1 && end < text_.size() && text_[end] == ')';
}

/// Reads \overline{142857} behind decimals, or the (3) of 0.(3), and adds the value of the
/// repetition. In 2.5(3) the brackets multiply.
bool NumberReader::repeating(Rational& value, size_t num_decimals) {
  const bool is_bracketed = num_decimals == 0 && is_period_here();
  if (!is_overline(at_) && !is_bracketed) return false;
  const size_t open = is_bracketed ? at_ : text_.find('{', at_);
  size_t end = open + 1;
  while (end < text_.size() && is_digit(text_[end])) ++end;
  if (end == open + 1 || end >= text_.size()) return false;
  if (text_[end] != (is_bracketed ? ')' : '}')) return false;
  std::string period(text_.substr(open + 1, end - open - 1));
  if (looking_at("\\dot{", at_)) end = dotted_period(end, period);
  if (period.size() > 1000 || num_decimals > 1000) return false;
  value += repetition_of(period, num_decimals);
  at_ = end + 1;
  return true;
}

/// 0.\dot{1}\dot{2} and 0.\dot{1}4285\dot{7}: a dot over the first and over the last digit.
///
/// @param end  byte of the brace that closes the first; returns that of the last one.
size_t NumberReader::dotted_period(size_t end, std::string& period) const {
  size_t last = end + 1;
  while (last < text_.size() && is_digit(text_[last])) ++last;
  constexpr std::string_view kDot = "\\dot{";
  const size_t digit = last + kDot.size();
  if (!looking_at(kDot, last) || digit + 1 >= text_.size()) return end;
  if (!is_digit(text_[digit]) || text_[digit + 1] != '}') return end;
  period += text_.substr(end + 1, last - end - 1);
  period += text_[digit];
  return digit + 1;
}

/// 0.333... and 0.1818\ldots: the digits that come again at the end go on for ever.
bool NumberReader::goes_on(Rational& value, std::string_view decimals) {
  constexpr size_t kLongestPeriod = 12;
  size_t size = 0;
  for (const std::string_view dots : {"...", "\\ldots", "\\dots", "\\cdots"}) {
    if (looking_at(dots, at_)) size = dots.size();
  }
  if (size == 0 || decimals.size() > 1000) return false;
  for (size_t period = 1; period <= std::min(kLongestPeriod, decimals.size() / 2); ++period) {
    const std::string_view last = decimals.substr(decimals.size() - period);
    if (!decimals.substr(0, decimals.size() - period).ends_with(last)) continue;
    value += repetition_of(last, decimals.size());
    at_ += size;
    return true;
  }
  return false;
}

/// e5, E-3 right behind a number and not followed by a letter; 0 where there is none.
int64_t NumberReader::exponent_part() {
  if (peek() != 'e' && peek() != 'E') return 0;
  size_t end = at_ + 1;
  if (end < text_.size() && (text_[end] == '+' || text_[end] == '-')) ++end;
  const size_t first = end;
  while (end < text_.size() && is_digit(text_[end]) && end - first < 10) ++end;
  if (end == first || (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end])))) {
    return 0;
  }
  const int64_t size = std::stoll(std::string(text_.substr(first, end - first)));
  const bool is_negative = text_[at_ + 1] == '-';
  at_ = end;
  return is_negative ? -size : size;
}

}  // namespace gradus::rewards::math
