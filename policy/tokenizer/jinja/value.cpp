#include "policy/tokenizer/jinja/value.h"

#include <utf8proc.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/error.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

int checked_nesting(const Value& value) {
  if (value.as<std::shared_ptr<Namespace>>() || value.as<std::shared_ptr<const Loop>>() ||
      value.as<const Statement*>()) {
    throw Error(std::string("a ") + value.type_name() + " cannot be kept inside another value");
  }
  const int nesting = value.nesting() + 1;
  if (nesting > kMaxNesting) throw Error("values are nested more than 200 deep");
  return nesting;
}

Value from_json_at(const nlohmann::ordered_json& json, int depth) {
  if (depth > kMaxNesting / 2) throw Error("the messages are nested more than 100 deep");
  using Type = nlohmann::ordered_json::value_t;
  switch (json.type()) {
    case Type::boolean:
      return Value::boolean(json.get<bool>());
    case Type::number_integer:
      return Value::integer(json.get<int64_t>());
    case Type::number_unsigned:
      if (json.get<uint64_t>() > INT64_MAX) return Value::real(json.get<double>());
      return Value::integer(json.get<int64_t>());
    case Type::number_float:
      return Value::real(json.get<double>());
    case Type::string:
      return Value::text(json.get<std::string>());
    case Type::array: {
      std::vector<Value> items;
      items.reserve(json.size());
      for (const auto& item : json) items.push_back(from_json_at(item, depth + 1));
      return Value::list(std::move(items));
    }
    case Type::object: {
      std::vector<std::pair<std::string, Value>> items;
      items.reserve(json.size());
      for (const auto& [key, item] : json.items()) {
        items.emplace_back(key, from_json_at(item, depth + 1));
      }
      return Value::dict(std::move(items));
    }
    default:
      return Value::none();
  }
}

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

void append_hex(std::string& out, const char* format, char32_t c) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c));
  out += buffer;
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
  explicit JsonWriter(const JsonStyle& style) : style_(style) {}
  std::string out;

  void write(const Value& value, int depth) {
    if (value.is_none()) {
      out += "null";
    } else if (const bool* b = value.as<bool>()) {
      out += *b ? "true" : "false";
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
  void number(const Value& value) {
    const double* d = value.as<double>();
    if (d == nullptr) {
      out += value.str();
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
    if (style_.indent < 0) return;
    out += '\n';
    out.append(static_cast<size_t>(style_.indent) * static_cast<size_t>(depth), ' ');
  }
  const JsonStyle& style_;
};

}  // namespace

Value Value::text(std::string s) {
  return Value(Data(std::make_shared<const std::string>(std::move(s))));
}

Value Value::list(std::vector<Value> items, bool is_tuple) {
  auto list = std::make_shared<List>();
  for (const Value& item : items) list->nesting = std::max(list->nesting, checked_nesting(item));
  list->values = std::move(items);
  list->is_tuple = is_tuple;
  return Value(Data(std::shared_ptr<const List>(std::move(list))));
}

Value Value::dict(std::vector<std::pair<std::string, Value>> items) {
  auto dict = std::make_shared<Dict>();
  std::unordered_map<std::string, size_t> places;
  for (auto& [key, item] : items) {
    dict->nesting = std::max(dict->nesting, checked_nesting(item));
    const auto [place, is_new] = places.try_emplace(key, dict->values.size());
    if (is_new) {
      dict->values.emplace_back(std::move(key), std::move(item));
    } else {
      dict->values[place->second].second = std::move(item);
    }
  }
  return Value(Data(std::shared_ptr<const Dict>(std::move(dict))));
}

Value Value::from_json(const nlohmann::ordered_json& json) {
  return from_json_at(json, 0);
}

const std::string* Value::string() const {
  const auto* p = as<std::shared_ptr<const std::string>>();
  return p != nullptr ? p->get() : nullptr;
}
const List* Value::items() const {
  const auto* p = as<std::shared_ptr<const List>>();
  return p != nullptr ? p->get() : nullptr;
}
const Dict* Value::entries() const {
  const auto* p = as<std::shared_ptr<const Dict>>();
  return p != nullptr ? p->get() : nullptr;
}

int Value::nesting() const {
  if (const List* list = items()) return list->nesting;
  if (const Dict* dict = entries()) return dict->nesting;
  return 0;
}

bool Value::to_integer(int64_t* out) const {
  if (const int64_t* i = as<int64_t>()) {
    *out = *i;
    return true;
  }
  if (const bool* b = as<bool>()) {
    *out = *b ? 1 : 0;
    return true;
  }
  return false;
}

bool Value::to_real(double* out) const {
  if (const double* d = as<double>()) {
    *out = *d;
    return true;
  }
  int64_t i = 0;
  if (!to_integer(&i)) return false;
  *out = static_cast<double>(i);
  return true;
}

bool Value::truth() const {
  if (is_undefined() || is_none()) return false;
  if (const bool* b = as<bool>()) return *b;
  if (const int64_t* i = as<int64_t>()) return *i != 0;
  if (const double* d = as<double>()) return *d != 0;
  if (const std::string* s = string()) return !s->empty();
  if (const List* list = items()) return !list->values.empty();
  if (const Dict* dict = entries()) return !dict->values.empty();
  return true;
}

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

const char* Value::type_name() const {
  if (is_undefined()) return "undefined";
  if (is_none()) return "none";
  if (as<bool>()) return "boolean";
  if (as<int64_t>()) return "integer";
  if (as<double>()) return "float";
  if (string()) return "string";
  if (const List* list = items()) return list->is_tuple ? "tuple" : "list";
  if (entries()) return "dict";
  if (as<std::shared_ptr<Namespace>>()) return "namespace";
  if (as<std::shared_ptr<const Loop>>()) return "loop";
  if (as<const Statement*>()) return "macro";
  return "function";
}

bool Value::equals(const Value& other) const {
  double a = 0;
  double b = 0;
  int64_t i = 0;
  int64_t j = 0;
  if (to_integer(&i) && other.to_integer(&j)) return i == j;
  if (to_real(&a) && other.to_real(&b)) return a == b;
  if (string() && other.string()) return *string() == *other.string();
  if (items() && other.items()) {
    const List& left = *items();
    const List& right = *other.items();
    if (left.is_tuple != right.is_tuple || left.values.size() != right.values.size()) return false;
    for (size_t k = 0; k < left.values.size(); ++k) {
      if (!left.values[k].equals(right.values[k])) return false;
    }
    return true;
  }
  if (entries() && other.entries()) {
    if (entries()->values.size() != other.entries()->values.size()) return false;
    for (const auto& [key, item] : entries()->values) {
      const Value* same = other.entries()->find(key);
      if (same == nullptr || !item.equals(*same)) return false;
    }
    return true;
  }
  if (const auto* ns = as<std::shared_ptr<Namespace>>()) {
    const auto* theirs = other.as<std::shared_ptr<Namespace>>();
    return theirs != nullptr && *ns == *theirs;
  }
  return (is_none() && other.is_none()) || (is_undefined() && other.is_undefined());
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& [name, value] : values) {
    if (name == key) return &value;
  }
  return nullptr;
}

Value Namespace::get(std::string_view name) const {
  for (const auto& [key, value] : values) {
    if (key == name) return value;
  }
  return Value::undefined(std::string(name));
}

void Namespace::set(const std::string& name, Value value) {
  checked_nesting(value);
  for (auto& [key, old] : values) {
    if (key != name) continue;
    old = std::move(value);
    return;
  }
  values.emplace_back(name, std::move(value));
}

Value Loop::attribute(const std::string& name) const {
  const size_t size = items->values.size();
  const auto count = [](size_t n) { return Value::integer(static_cast<int64_t>(n)); };
  if (name == "index") return count(index0 + 1);
  if (name == "index0") return count(index0);
  if (name == "revindex") return count(size - index0);
  if (name == "revindex0") return count(size - index0 - 1);
  if (name == "first") return Value::boolean(index0 == 0);
  if (name == "last") return Value::boolean(index0 + 1 == size);
  if (name == "length") return count(size);
  if (name == "depth") return Value::integer(depth);
  if (name == "depth0") return Value::integer(depth - 1);
  if (name == "previtem" && index0 > 0) return items->values[index0 - 1];
  if (name == "nextitem" && index0 + 1 < size) return items->values[index0 + 1];
  return Value::undefined("loop." + name);
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

std::string to_json(const Value& value, const JsonStyle& style) {
  JsonWriter writer(style);
  writer.write(value, 0);
  return std::move(writer.out);
}

}  // namespace gradus::policy::jinja
