// Python's methods of strings.
#include <utf8proc.h>

#include <map>

#include "base/error.h"
#include "policy/tokenizer/jinja/string_cuts.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/jinja/syntax/lexer.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

using StringMethod = Value (*)(const std::string&, const Arguments&, const Context&);
using Category = utf8proc_category_t;

Category category_of(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

template <class Fn>
void each_character(std::string_view text, Fn&& fn) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(text.substr(at));
    fn(step.code_point, text.substr(at, step.length));
    at += step.length;
  }
}

template <bool left, bool right>
Value stripped(const std::string& text, const Arguments& args, const Context&) {
  const Value* chars = args.find(0, "chars");
  const bool given = chars != nullptr && !chars->is_none();
  const std::string set = given ? args.text(0, "chars") : "";
  return Value::text(strip(text, given ? &set : nullptr, left, right));
}

template <std::string (*change)(std::string_view)>
Value recased(const std::string& text, const Arguments&, const Context& context) {
  context.charge(text.size());
  return Value::text(change(text));
}

bool is_cased(char32_t c) {
  const Category kind = category_of(c);
  return kind == UTF8PROC_CATEGORY_LU || kind == UTF8PROC_CATEGORY_LL ||
         kind == UTF8PROC_CATEGORY_LT;
}

// str.title, which begins a word behind everything that has no case; the filter does not.
std::string python_title(std::string_view text) {
  std::string out;
  bool begins = true;
  each_character(text, [&](char32_t c, std::string_view bytes) {
    if (begins) {
      append_utf8(out, static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(c))));
    } else {
      out += lower_case(bytes);
    }
    begins = !is_cased(c);
  });
  return out;
}

std::string swapped_case(std::string_view text) {
  std::string out;
  each_character(text, [&](char32_t c, std::string_view bytes) {
    out += category_of(c) == UTF8PROC_CATEGORY_LU ? lower_case(bytes) : upper_case(bytes);
  });
  return out;
}

bool is_decimal(char32_t c) {
  return category_of(c) == UTF8PROC_CATEGORY_ND;
}
// Unicode's Numeric_Type Digit: beside decimals, digits in circles, above and below the line.
bool is_digit_like(char32_t c) {
  return is_decimal(c) || c == 0xB2 || c == 0xB3 || c == 0xB9 || c == 0x2070 ||
         (c >= 0x2074 && c <= 0x2079) || (c >= 0x2080 && c <= 0x2089) ||
         (c >= 0x2460 && c <= 0x2468) || (c >= 0x2474 && c <= 0x247C) ||
         (c >= 0x2488 && c <= 0x2490);
}
bool is_letter(char32_t c) {
  const Category kind = category_of(c);
  return kind >= UTF8PROC_CATEGORY_LU && kind <= UTF8PROC_CATEGORY_LO;
}
bool is_letter_or_number(char32_t c) {
  return is_letter(c) || is_numeric(c);
}
bool is_ascii(char32_t c) {
  return c < 0x80;
}

template <bool (*holds)(char32_t), bool of_nothing = false>
Value all_are(const std::string& text, const Arguments&, const Context&) {
  bool all = of_nothing || !text.empty();
  each_character(text, [&](char32_t c, std::string_view) { all = all && holds(c); });
  return Value::boolean(all);
}

// isupper and islower: some cased character, and none of the other case.
template <utf8proc_category_t wanted, utf8proc_category_t other>
Value has_only_case(const std::string& text, const Arguments&, const Context&) {
  bool some = false;
  bool none_other = true;
  each_character(text, [&](char32_t c, std::string_view) {
    const Category kind = category_of(c);
    some = some || kind == wanted;
    none_other = none_other && kind != other && kind != UTF8PROC_CATEGORY_LT;
  });
  return Value::boolean(some && none_other);
}

Value join(const std::string& text, const Arguments& args, const Context& context) {
  const Value* list = args.find(0, "iterable");
  std::string out;
  bool first = true;
  for (const Value& item : iterate(list != nullptr ? *list : Value(), context)) {
    if (item.string() == nullptr) throw Error("join() of something that is not a string");
    context.charge(item.string()->size() + text.size());
    out += (first ? "" : text) + *item.string();
    first = false;
  }
  return Value::text(std::move(out));
}

template <Padding padding>
Value filled(const std::string& text, const Arguments& args, const Context& context) {
  return Value::text(padded(text, args.integer(0, "width", 0), args.text(1, "fillchar", " "),
                            padding, context.meter));
}

Value zero_filled(const std::string& text, const Arguments& args, const Context& context) {
  const size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  const int64_t width = args.integer(0, "width", 0) - static_cast<int64_t>(sign);
  return Value::text(text.substr(0, sign) +
                     padded(text.substr(sign), width, "0", Padding::kLeft, context.meter));
}

Value replaced(const std::string& text, const Arguments& args, const Context& context) {
  return Value::text(replace_all(text, args.text(0, "old"), args.text(1, "new"),
                                 args.integer(2, "count", -1), context.meter));
}

const std::map<std::string_view, StringMethod>& string_methods() {
  static const std::map<std::string_view, StringMethod> all = {
      {"capitalize", recased<capitalized>},
      {"casefold", recased<lower_case>},
      {"center", filled<Padding::kBoth>},
      {"count", string_cuts::count},
      {"endswith", string_cuts::endswith},
      {"find", string_cuts::find},
      {"format", format_braces},
      {"index", string_cuts::index},
      {"isalnum", all_are<is_letter_or_number>},
      {"isalpha", all_are<is_letter>},
      {"isascii", all_are<is_ascii, true>},
      {"isdecimal", all_are<is_decimal>},
      {"isdigit", all_are<is_digit_like>},
      {"islower", has_only_case<UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LU>},
      {"isnumeric", all_are<is_numeric>},
      {"isspace", all_are<is_python_space>},
      {"isupper", has_only_case<UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL>},
      {"join", join},
      {"ljust", filled<Padding::kRight>},
      {"lower", recased<lower_case>},
      {"lstrip", stripped<true, false>},
      {"partition", string_cuts::partition},
      {"removeprefix",
       [](const std::string& text, const Arguments& args, const Context&) {
         const std::string affix = args.text(0, "prefix");
         return Value::text(text.starts_with(affix) ? text.substr(affix.size()) : text);
       }},
      {"removesuffix",
       [](const std::string& text, const Arguments& args, const Context&) {
         const std::string affix = args.text(0, "suffix");
         return Value::text(text.ends_with(affix) ? text.substr(0, text.size() - affix.size())
                                                  : text);
       }},
      {"replace", replaced},
      {"rfind", string_cuts::rfind},
      {"rindex", string_cuts::rindex},
      {"rjust", filled<Padding::kLeft>},
      {"rpartition", string_cuts::rpartition},
      {"rsplit", string_cuts::rsplit},
      {"rstrip", stripped<false, true>},
      {"split", string_cuts::split},
      {"splitlines", string_cuts::splitlines},
      {"startswith", string_cuts::startswith},
      {"strip", stripped<true, true>},
      {"swapcase", recased<swapped_case>},
      {"title", recased<python_title>},
      {"upper", recased<upper_case>},
      {"zfill", zero_filled},
  };
  return all;
}

}  // namespace

bool is_string_method(std::string_view name) {
  return string_methods().contains(name);
}

Value call_string_method(const std::string& text, const std::string& name, const Arguments& args,
                         const Context& context) {
  context.meter.read(text.size());
  return string_methods().at(name)(text, args, context);
}

}  // namespace gradus::policy::jinja
