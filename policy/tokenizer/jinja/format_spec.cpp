// Python's format specifications: fill, align, sign, #, 0, width, grouping, precision, type.
#include "policy/tokenizer/jinja/format_spec.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

constexpr int64_t kMostDigits = 300;  // behind the point
constexpr int64_t kMostWidth = 1 << 20;

bool skip(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

bool is_align(char c) {
  return c == '<' || c == '>' || c == '^' || c == '=';
}

FormatSpec read_spec(std::string_view text) {
  const std::string whole(text);
  FormatSpec spec;
  const size_t first = text.empty() ? 0 : static_cast<size_t>(read_utf8(text).length);
  if (first > 0 && first < text.size() && is_align(text[first])) {
    spec.fill = text.substr(0, first);
    spec.align = text[first];
    text.remove_prefix(first + 1);
  } else if (!text.empty() && is_align(text.front())) {
    spec.align = text.front();
    text.remove_prefix(1);
  }
  if (!text.empty() && std::string_view("+- ").find(text.front()) != std::string_view::npos) {
    spec.sign = text.front();
    text.remove_prefix(1);
  }
  spec.is_alternate = skip(text, '#');
  if (skip(text, '0') && spec.align == 0) {
    spec.fill = "0";
    spec.align = '=';
  }
  spec.width = take_number(text, 0);
  if (!text.empty() && (text.front() == ',' || text.front() == '_')) {
    spec.grouping = text.front();
    text.remove_prefix(1);
  }
  if (skip(text, '.')) {
    spec.precision = take_number(text, -1);
    if (spec.precision < 0) throw Error("the format \"" + whole + "\" lacks a precision");
  }
  if (!text.empty()) {
    spec.type = text.front();
    text.remove_prefix(1);
  }
  if (!text.empty()) throw Error("the format \"" + whole + "\" cannot be read");
  return spec;
}

std::string grouped(const std::string& number, char separator, size_t size) {
  if (separator == 0) return number;
  const size_t whole = std::min(number.find_first_of(".e"), number.size());
  std::string out;
  for (size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % size == 0) out += separator;
    out += number[i];
  }
  return out + number.substr(whole);
}

std::string in_base(uint64_t number, int base, bool is_upper) {
  char buffer[72];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, number, base).ptr;
  std::string out(buffer, end);
  if (is_upper) std::transform(out.begin(), out.end(), out.begin(), ::toupper);
  return out;
}

// "e5" of C is "e+05" of both languages, so that printf's form is Python's.
std::string real_digits(double value, const FormatSpec& spec) {
  const auto precision = static_cast<int>(spec.precision < 0 ? 6 : spec.precision);
  if (precision > kMostDigits) throw Error("a format's precision is too large");
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return "inf";
  if (spec.type == 0 && spec.precision < 0) return python_float(value);
  char buffer[1024];
  const char type = spec.type == '%' ? 'f' : spec.type == 0 ? 'g' : spec.type;
  const char format[] = {'%', '.', '*', type == 'n' ? 'g' : type, '\0'};
  const double scaled = spec.type == '%' ? value * 100 : value;
  std::snprintf(buffer, sizeof buffer, format,  // NOLINT: made of the four characters above
                precision, scaled);
  std::string out(buffer);
  if (spec.type == 0 && out.find_first_of(".e") == std::string::npos) out += ".0";
  return spec.type == '%' ? out + "%" : out;
}

std::string whole_digits(int64_t value, const FormatSpec& spec) {
  const uint64_t size = value < 0 ? 0 - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  switch (spec.type) {
    case 'x':
    case 'X':
      return (spec.is_alternate ? (spec.type == 'x' ? "0x" : "0X") : "") +
             grouped(in_base(size, 16, spec.type == 'X'), spec.grouping, 4);
    case 'o':
      return (spec.is_alternate ? "0o" : "") + grouped(in_base(size, 8, false), spec.grouping, 4);
    case 'b':
      return (spec.is_alternate ? "0b" : "") + grouped(in_base(size, 2, false), spec.grouping, 4);
    default:
      return grouped(in_base(size, 10, false), spec.grouping, 3);
  }
}

}  // namespace

int64_t take_number(std::string_view& text, int64_t otherwise) {
  if (text.empty() || text.front() < '0' || text.front() > '9') return otherwise;
  int64_t number = 0;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    number = std::min(kMostWidth + 1, number * 10 + (text.front() - '0'));
    text.remove_prefix(1);
  }
  if (number > kMostWidth) throw Error("a format's width or precision is too large");
  return number;
}

std::string with_width(const std::string& sign, const std::string& body, const FormatSpec& spec,
                       char align, Meter& meter) {
  if (align == '=') {
    return sign + padded(body, spec.width - static_cast<int64_t>(sign.size()), spec.fill,
                         Padding::kLeft, meter);
  }
  const std::string text = sign + body;
  if (align == '<') return padded(text, spec.width, spec.fill, Padding::kRight, meter);
  if (align == '>') return padded(text, spec.width, spec.fill, Padding::kLeft, meter);
  // Python's ^ puts the odd character on the right, str.center does not always.
  const int64_t lacks = spec.width - count_code_points(text);
  const std::string left = padded(text, spec.width - (lacks > 0 ? lacks - lacks / 2 : 0), spec.fill,
                                  Padding::kLeft, meter);
  return padded(left, spec.width, spec.fill, Padding::kRight, meter);
}

std::string format_number(const Value& value, const FormatSpec& spec, Meter& meter) {
  static constexpr std::string_view kRealTypes = "fFeEgG%";
  int64_t whole = 0;
  double real = 0;
  std::string digits;
  bool is_negative = false;
  const bool as_real = value.as<double>() != nullptr ||
                       (spec.type != 0 && kRealTypes.find(spec.type) != std::string_view::npos);
  if (as_real) {
    value.to_real(&real);
    is_negative = std::signbit(real);
    if (spec.type != 0 && spec.type != 'n' && kRealTypes.find(spec.type) == std::string_view::npos)
      throw Error(std::string("the format '") + spec.type + "' is not for a float");
    digits = grouped(real_digits(std::fabs(real), spec), spec.grouping, 3);
  } else if (value.to_integer(&whole)) {
    if (spec.type == 'c') {
      if (whole < 0 || whole > 0x10FFFF) throw Error("the format 'c' needs a character's number");
      append_utf8(digits, static_cast<char32_t>(whole));
      return with_width("", digits, spec, spec.align == 0 ? '<' : spec.align, meter);
    }
    if (spec.type != 0 && std::string_view("dnxXob").find(spec.type) == std::string_view::npos)
      throw Error(std::string("the format '") + spec.type + "' is not for an integer");
    is_negative = whole < 0;
    digits = whole_digits(whole, spec);
  } else {
    digits = value.repr(meter);
    is_negative = digits.front() == '-';
    digits = grouped(digits.substr(is_negative ? 1 : 0), spec.grouping, 3);
  }
  const std::string sign = is_negative ? "-" : spec.sign == '-' ? "" : std::string(1, spec.sign);
  return with_width(sign, digits, spec, spec.align == 0 ? '>' : spec.align, meter);
}

std::string format_value(const Value& value, const std::string& text, Meter& meter) {
  if (text.empty()) return value.str(meter);
  FormatSpec spec = read_spec(text);
  const bool is_number = value.is_number() && !(value.as<bool>() && spec.type == 0);
  if (is_number) return format_number(value, spec, meter);
  if (value.string() == nullptr && !value.as<bool>()) {
    throw Error(std::string("the format \"") + text + "\" is not for a " + value.type_name());
  }
  if (spec.type != 0 && spec.type != 's') {
    throw Error(std::string("the format '") + spec.type + "' is not for a " + value.type_name());
  }
  std::string out = value.str(meter);
  if (spec.precision >= 0) {
    size_t end = 0;
    for (int64_t i = 0; i < spec.precision && end < out.size(); ++i) {
      end += static_cast<size_t>(read_utf8(std::string_view(out).substr(end)).length);
    }
    out.resize(end);
  }
  return with_width("", out, spec, spec.align == 0 || spec.align == '=' ? '<' : spec.align, meter);
}

}  // namespace gradus::policy::jinja
