#include "policy/tokenizer/jinja/json_text.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

void json_string(std::string& out, const std::string& text, bool ensure_ascii) {
  out += '"';
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(std::string_view(text).substr(at));
    const char32_t c = step.code_point;
    at += step.length;
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      default:
        if (c < 0x20 || (ensure_ascii && c > 0x7E && c < 0x10000)) {
          append_hex(out, "\\u%04x", c);
        } else if (ensure_ascii && c >= 0x10000) {
          append_hex(out, "\\u%04x", 0xD800 + ((c - 0x10000) >> 10));
          append_hex(out, "\\u%04x", 0xDC00 + ((c - 0x10000) & 0x3FF));
        } else {
          append_utf8(out, c);
        }
    }
  }
  out += '"';
}

class JsonWriter {
 public:
  JsonWriter(const JsonStyle& style, Meter& meter) : style_(style), meter_(meter) {}
  std::string out;

  void write(const Value& value, int depth) {
    pay();
    if (value.is_none()) {
      out += "null";
    } else if (value.is_number()) {
      number(value);
    } else if (const std::string* s = value.string()) {
      json_string(out, *s, style_.ensure_ascii);
    } else if (const List* list = value.items()) {
      sequence('[', ']', list->values.size(), depth,
               [&](size_t i) { write(list->values[i], depth + 1); });
    } else if (const Dict* dict = value.entries()) {
      object(*dict, depth);
    } else {
      throw Error(std::string("a value of type ") + value.type_name() + " has no form in JSON");
    }
  }

 private:
  // For what was written since the last time.
  void pay() {
    meter_.charge(out.size() - paid_);
    paid_ = out.size();
  }
  void number(const Value& value) {
    const double* d = value.as<double>();
    if (d == nullptr) {
      const bool* b = value.as<bool>();
      out += b != nullptr ? (*b ? "true" : "false") : value.repr(meter_);
    } else if (std::isnan(*d)) {
      out += "NaN";
    } else if (std::isinf(*d)) {
      out += *d > 0 ? "Infinity" : "-Infinity";
    } else {
      out += python_float(*d);
    }
  }
  void object(const Dict& dict, int depth) {
    std::vector<const std::pair<std::string, Value>*> order;
    meter_.charge(dict.values.size() * sizeof(order[0]));
    for (const auto& entry : dict.values) order.push_back(&entry);
    if (style_.sort_keys) {
      std::stable_sort(order.begin(), order.end(),
                       [](const auto* a, const auto* b) { return a->first < b->first; });
    }
    sequence('{', '}', order.size(), depth, [&](size_t i) {
      json_string(out, order[i]->first, style_.ensure_ascii);
      out += style_.key_separator;
      write(order[i]->second, depth + 1);
    });
  }
  template <class Item>
  void sequence(char open, char close, size_t count, int depth, Item&& item) {
    out += open;
    for (size_t i = 0; i < count; ++i) {
      if (i > 0) out += style_.item_separator;
      line_break(depth + 1);
      item(i);
    }
    if (count > 0) line_break(depth);
    out += close;
  }
  void line_break(int depth) {
    if (!style_.indent) return;
    out += '\n';
    for (int i = 0; i < depth; ++i) {
      out += *style_.indent;
      pay();
    }
  }

  const JsonStyle& style_;
  Meter& meter_;
  size_t paid_ = 0;
};

}  // namespace

std::string to_json(const Value& value, const JsonStyle& style, Meter& meter) {
  JsonWriter writer(style, meter);
  writer.write(value, 0);
  return std::move(writer.out);
}

}  // namespace gradus::policy::jinja
