// Values as Python prints them.
#include <utf8proc.h>

#include <charconv>
#include <cmath>

#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/jinja/value.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

bool is_printable(char32_t c) {
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_CC:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_CS:
    case UTF8PROC_CATEGORY_CO:
    case UTF8PROC_CATEGORY_CN:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
      return false;
    case UTF8PROC_CATEGORY_ZS:
      return c == ' ';
    default:
      return true;
  }
}

std::string repr_of(const std::string& text) {
  const bool has_single = text.find('\'') != std::string::npos;
  const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(std::string_view(text).substr(at));
    const char32_t c = step.code_point;
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      append_utf8(out, c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_printable(c)) {
      append_utf8(out, c);
    } else {
      append_hex(out, c < 0x100 ? "\\x%02x" : c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
    }
    at += step.length;
  }
  return out + quote;
}

}  // namespace

std::string Value::str() const {
  if (is_undefined()) return {};
  if (const std::string* s = string()) return *s;
  return repr();
}

std::string Value::repr() const {
  if (is_undefined()) return "Undefined";
  if (is_none()) return "None";
  if (const bool* b = as<bool>()) return *b ? "True" : "False";
  if (const int64_t* i = as<int64_t>()) return std::to_string(*i);
  if (const double* d = as<double>()) return python_float(*d);
  if (const std::string* s = string()) return repr_of(*s);
  std::string out;
  if (const List* list = items()) {
    for (const Value& item : list->values) out += (out.empty() ? "" : ", ") + item.repr();
    if (!list->is_tuple) return "[" + out + "]";
    return "(" + out + (list->values.size() == 1 ? ",)" : ")");
  }
  if (const Dict* dict = entries()) {
    for (const auto& [key, item] : dict->values) {
      out += (out.empty() ? "" : ", ") + repr_of(key) + ": " + item.repr();
    }
    return "{" + out + "}";
  }
  return std::string("<") + type_name() + ">";
}

std::string python_float(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[64];
  const auto shortest =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::scientific);
  const std::string scientific(buffer, shortest.ptr);
  const int exponent = std::stoi(scientific.substr(scientific.find('e') + 1));
  // Python writes plain digits for exponents from -4 to 15.
  if (exponent < -4 || exponent >= 16) return scientific;
  const auto plain = std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::fixed);
  std::string out(buffer, plain.ptr);
  if (out.find('.') == std::string::npos) out += ".0";
  return out;
}

}  // namespace gradus::policy::jinja
