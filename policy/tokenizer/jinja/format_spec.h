#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "policy/tokenizer/jinja/value.h"

namespace gradus::policy::jinja {

/// How one value is written: fill, align, sign, #, 0, width, grouping, precision, type.
struct FormatSpec {
  std::string fill = " ";
  char align = 0;  ///< one of < > ^ =; 0: what the type does
  char sign = '-';
  bool is_alternate = false;
  char grouping = 0;
  int64_t width = 0;
  int64_t precision = -1;
  char type = 0;
};

/// Takes a number from the start of a text. @return  `otherwise` where there is none.
/// @throws gradus::Error  a number that is too large for a width or a place.
int64_t take_number(std::string_view& text, int64_t otherwise);

/// A number in the form that a spec says. @param value  is_number().
std::string format_number(const Value& value, const FormatSpec& spec, Meter& meter);

/// format(value, spec) of Python, "" being str(). @throws gradus::Error  they do not fit.
std::string format_value(const Value& value, const std::string& spec, Meter& meter);

/// Sign and body filled up to the spec's width. @param align  one of < > ^ =.
std::string with_width(const std::string& sign, const std::string& body, const FormatSpec& spec,
                       char align, Meter& meter);

}  // namespace gradus::policy::jinja
