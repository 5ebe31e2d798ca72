#include "rewards/profiles/python_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>

#include "base/utf8.h"
#include "rewards/scores/words.h"

namespace gradus::rewards::profiles {
namespace {

constexpr char32_t kEscapedByte = 0xDC00;

// A decimal digit's value, 0 to 9; -1 otherwise. Decimal digits stand in runs of ten from zero,
// and every run starts where the value before it is no digit or a nine.
int decimal_value(char32_t c) {
  if (c >= U'0' && c <= U'9') return static_cast<int>(c - U'0');
  if (!is_decimal(c)) return -1;
  if (c >= 0x1D7CE && c <= 0x1D7FF) return static_cast<int>((c - 0x1D7CE) % 10);
  int value = 0;
  while (value < 9 && is_decimal(c - 1 - value)) ++value;
  return value;
}

struct FloatText {
  std::string digits;  // in the form of std::from_chars
  bool is_negative = false;
};

// Copies digits and single underscores between them; false: none, or an underscore astray.
bool take_digits(TextView text, size_t& at, std::string& into) {
  const size_t start = at;
  while (at < text.size()) {
    const int value = decimal_value(text[at]);
    if (value >= 0) {
      into += static_cast<char>('0' + value);
    } else if (text[at] != U'_' || at == start || at + 1 >= text.size() ||
               decimal_value(text[at - 1]) < 0 || decimal_value(text[at + 1]) < 0) {
      break;
    }
    ++at;
  }
  return at > start;
}

std::optional<double> named_float(TextView word) {
  const Text lower = lowered(word);
  if (lower == U"inf" || lower == U"infinity") return std::numeric_limits<double>::infinity();
  if (lower == U"nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

// from_chars leaves the value alone when out of range; the decimal exponent tells which way.
double converted(const std::string& digits) {
  double value = 0;
  const auto result = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (result.ec != std::errc::result_out_of_range) return value;
  const size_t exponent_at = digits.find('e');
  const bool is_small = exponent_at != std::string::npos
                            ? digits.find('-', exponent_at) != std::string::npos
                            : digits.front() == '0' || digits.front() == '.';
  return is_small ? 0.0 : std::numeric_limits<double>::infinity();
}

}  // namespace

Text to_text(std::string_view utf8) {
  Text text;
  text.reserve(utf8.size());
  for (size_t at = 0; at < utf8.size();) {
    const CodePoint point = code_point_at(utf8, at);
    text += point.is_valid ? static_cast<char32_t>(point.value)
                           : kEscapedByte + static_cast<unsigned char>(utf8[at]);
    at += point.num_bytes;
  }
  return text;
}

std::string to_utf8(TextView text) {
  std::string utf8;
  for (const char32_t c : text) {
    if (c >= kEscapedByte + 0x80 && c <= kEscapedByte + 0xFF) {
      utf8 += static_cast<char>(c - kEscapedByte);
    } else {
      append_code_point(utf8, static_cast<uint32_t>(c));
    }
  }
  return utf8;
}

Text replaced(TextView text, TextView from, TextView to) {
  Text result;
  size_t at = 0;
  for (size_t hit = text.find(from); hit != TextView::npos; hit = text.find(from, at)) {
    result.append(text.substr(at, hit - at)).append(to);
    at = hit + from.size();
  }
  return result.append(text.substr(at));
}

std::vector<Text> split(TextView text, TextView separator) {
  std::vector<Text> parts;
  size_t at = 0;
  for (size_t hit = text.find(separator); hit != TextView::npos; hit = text.find(separator, at)) {
    parts.emplace_back(text.substr(at, hit - at));
    at = hit + separator.size();
  }
  parts.emplace_back(text.substr(at));
  return parts;
}

Text stripped(TextView text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return Text(text);
}

TextView last(TextView text, size_t count) {
  return text.size() > count ? text.substr(text.size() - count) : text;
}

bool contains(TextView text, TextView part) {
  return text.find(part) != TextView::npos;
}

bool is_space(char32_t c) {
  if (c < 0x80) return c == U' ' || (c >= 0x09 && c <= 0x0D) || (c >= 0x1C && c <= 0x1F);
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

bool is_decimal(char32_t c) {
  if (c < 0x80) return c >= U'0' && c <= U'9';
  return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
}

bool is_digit(char32_t c) {
  if (is_decimal(c)) return true;
  // Characters of the numeric type "digit" that are not decimal: superscripts, subscripts, and
  // the digits in circles, brackets and with a full stop.
  return c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ||
         (c >= 0x2080 && c <= 0x2089) || (c >= 0x2460 && c <= 0x2468) ||
         (c >= 0x2474 && c <= 0x247C) || (c >= 0x2488 && c <= 0x2490) || c == 0x24EA ||
         (c >= 0x24F5 && c <= 0x24FD) || c == 0x24FF || (c >= 0x2776 && c <= 0x277E) ||
         (c >= 0x2780 && c <= 0x2788) || (c >= 0x278A && c <= 0x2792) ||
         (c >= 0x1369 && c <= 0x1371) || (c >= 0x1F100 && c <= 0x1F10A);
}

bool is_alpha(char32_t c) {
  if (c < 0x80) return (c >= U'a' && c <= U'z') || (c >= U'A' && c <= U'Z');
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return true;
    default:
      return false;
  }
}

Text lowered(TextView text) {
  return to_text(lower_case(to_utf8(text)));
}

std::optional<double> to_float(TextView text) {
  const Text plain = stripped(text);
  TextView rest = plain;
  bool is_negative = false;
  if (!rest.empty() && (rest.front() == U'-' || rest.front() == U'+')) {
    is_negative = rest.front() == U'-';
    rest.remove_prefix(1);
  }
  std::optional<double> value = named_float(rest);
  if (!value) {
    std::string digits;
    size_t at = 0;
    bool has_digits = take_digits(rest, at, digits);
    if (at < rest.size() && rest[at] == U'.') {
      digits += '.';
      ++at;
      has_digits |= take_digits(rest, at, digits);
    }
    if (!has_digits) return std::nullopt;
    if (at < rest.size() && (rest[at] == U'e' || rest[at] == U'E')) {
      digits += 'e';
      ++at;
      if (at < rest.size() && (rest[at] == U'-' || rest[at] == U'+')) {
        if (rest[at] == U'-') digits += '-';
        ++at;
      }
      if (!take_digits(rest, at, digits)) return std::nullopt;
    }
    if (at != rest.size()) return std::nullopt;
    value = converted(digits);
  }
  return is_negative ? -*value : *value;
}

Text integer_text(double value) {
  char digits[400];  // a double has at most 309 digits before the point
  const auto result = std::to_chars(digits, digits + sizeof digits, std::trunc(value) + 0.0,
                                    std::chars_format::fixed, 0);
  const Text text(digits, result.ptr);
  return text == U"-0" ? U"0" : text;
}

std::optional<Text> from_last_to_closing_brace(TextView text, TextView command) {
  const size_t start = text.rfind(command);
  if (start == TextView::npos) return std::nullopt;
  int64_t depth = 0;
  for (size_t at = start; at < text.size(); ++at) {
    if (text[at] == U'{') ++depth;
    if (text[at] == U'}' && --depth == 0) return Text(text.substr(start, at + 1 - start));
  }
  return std::nullopt;
}

}  // namespace gradus::rewards::profiles
