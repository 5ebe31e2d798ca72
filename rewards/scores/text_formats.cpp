#include "rewards/scores/text_formats.h"

#include <arpa/inet.h>

#include <array>
#include <string>

#include "base/error.h"

namespace gradus::rewards {
namespace {

struct Format {
  const char* name;
  const char* pattern;
};

// Shapes. Dates, times and addresses are looked at again for what a shape cannot tell.
constexpr std::array kFormats{
    Format{"date", R"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))"},
    Format{"date-time",
           R"(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:)"
           R"((?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d))"},
    Format{"email", R"([\w!#$%&'*+/=?^`{|}~-]+(?:\.[\w!#$%&'*+/=?^`{|}~-]+)*@[A-Za-z0-9-]+)"
                    R"((?:\.[A-Za-z0-9-]+)*)"},
    Format{"hostname",
           R"((?=.{1,253}$)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)(?:\.(?:[A-Za-z0-9](?:)"
           R"([A-Za-z0-9-]{0,61}[A-Za-z0-9])?))*)"},
    Format{"ipv4", R"([\d.]+)"},
    Format{"ipv6", R"([0-9A-Fa-f:.]+)"},
    Format{"time",
           R"((?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):)"
           R"([0-5]\d))"},
    Format{"uri",
           R"([A-Za-z][A-Za-z0-9+.-]*:(?://(?:(?:[\w.~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*@)?)"
           R"((?:\[[0-9A-Fa-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*)(?::\d*)?(?=[/?#]|$))"
           R"(|(?!//))(?:[\w.~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)"
           R"((?:\?(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)"
           R"((?:#(?:[\w.~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*)?)"},
    Format{"uuid", R"([0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12})"},
};

int number_at(std::string_view text, size_t at, size_t size) {
  int value = 0;
  for (size_t i = at; i < at + size; ++i) value = 10 * value + (text[i] - '0');
  return value;
}

// Days that the month has.
bool is_real_date(std::string_view date) {
  const int year = number_at(date, 0, 4);
  const auto month = static_cast<size_t>(number_at(date, 5, 2));
  const bool is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  constexpr std::array kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  return number_at(date, 8, 2) <= kDays.at(month - 1) + (month == 2 && is_leap ? 1 : 0);
}

// A second 60 is the last of a day in UTC.
bool is_real_time(std::string_view time) {
  if (number_at(time, 6, 2) < 60) return true;
  int minutes = 60 * number_at(time, 0, 2) + number_at(time, 3, 2);
  const size_t sign = time.find_first_of("+-");
  if (sign != std::string_view::npos) {
    const int offset = 60 * number_at(time, sign + 1, 2) + number_at(time, sign + 4, 2);
    minutes += time[sign] == '+' ? -offset : offset;
  }
  return (minutes + 24 * 60) % (24 * 60) == 24 * 60 - 1;
}

bool is_address(int family, std::string_view text) {
  std::array<unsigned char, sizeof(in6_addr)> address{};
  return inet_pton(family, std::string(text).c_str(), address.data()) == 1;
}

bool is_real(std::string_view format, std::string_view text) {
  if (format == "date") return is_real_date(text);
  if (format == "time") return is_real_time(text);
  if (format == "date-time") return is_real_date(text) && is_real_time(text.substr(11));
  if (format == "ipv4") return is_address(AF_INET, text);
  if (format == "ipv6") return is_address(AF_INET6, text);
  return true;
}

bool is_regex(std::string_view text) {
  try {
    const BoundedRegex tried = schema_regex(text);
    return true;
  } catch (const ArgumentError&) {
    return false;
  }
}

}  // namespace

BoundedRegex schema_regex(std::string_view pattern) {
  RegexOptions options;
  options.is_javascript = true;
  return BoundedRegex(pattern, options);
}

std::optional<bool> is_of_format(std::string_view format, std::string_view text) {
  if (format == "regex") return is_regex(text);
  for (const Format& known : kFormats) {
    if (format != known.name) continue;
    return !schema_regex(known.pattern).match_whole(text).matches.empty() && is_real(format, text);
  }
  return std::nullopt;
}

}  // namespace gradus::rewards
