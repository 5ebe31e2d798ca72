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

/// Writes values one behind the other, so that an inner one is not copied at each level.
class ReprWriter {
 public:
  explicit ReprWriter(Meter& meter) : meter_(meter) {}
  std::string out;

  void write(const Value& value) {
    if (const std::string* s = value.string()) {
      text(*s);
    } else if (const List* list = value.items()) {
      items(*list);
    } else if (const Dict* dict = value.entries()) {
      entries(*dict);
    } else {
      put(plain(value));
    }
  }

 private:
  void put(std::string_view part) {
    meter_.charge(part.size());
    out += part;
  }

  std::string plain(const Value& value) const {
    if (value.is_undefined()) return "Undefined";
    if (value.is_none()) return "None";
    if (const bool* b = value.as<bool>()) return *b ? "True" : "False";
    if (const int64_t* i = value.as<int64_t>()) return std::to_string(*i);
    if (const BigInteger* big = value.as<BigInteger>()) return *big->digits;
    if (const double* d = value.as<double>()) return python_float(*d);
    return std::string("<") + value.type_name() + ">";
  }

  void items(const List& list) {
    put(list.is_tuple ? "(" : "[");
    for (size_t i = 0; i < list.values.size(); ++i) {
      if (i > 0) put(", ");
      write(list.values[i]);
    }
    if (list.is_tuple && list.values.size() == 1) put(",");
    put(list.is_tuple ? ")" : "]");
  }

  void entries(const Dict& dict) {
    put("{");
    for (size_t i = 0; i < dict.values.size(); ++i) {
      if (i > 0) put(", ");
      text(dict.values[i].first);
      put(": ");
      write(dict.values[i].second);
    }
    put("}");
  }

  void text(const std::string& text) {
    meter_.charge(text.size() + 2);
    const bool has_single = text.find('\'') != std::string::npos;
    const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
    out += quote;
    for (size_t at = 0; at < text.size();) {
      const Utf8Step step = read_utf8(std::string_view(text).substr(at));
      character(step.code_point, quote);
      at += step.length;
    }
    out += quote;
  }

  void character(char32_t c, char quote) {
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
  }

  Meter& meter_;
};

}  // namespace

std::string Value::str(Meter& meter) const {
  if (is_undefined()) return {};
  if (const std::string* s = string()) {
    meter.charge(s->size());
    return *s;
  }
  return repr(meter);
}

std::string Value::repr(Meter& meter) const {
  ReprWriter writer(meter);
  writer.write(*this);
  return std::move(writer.out);
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
