#include "policy/tokenizer/jinja/strings.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/error.h"
#include "policy/tokenizer/jinja/lexer.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

constexpr std::string_view kMethods[] = {
    "strip",      "lstrip",   "rstrip", "split",        "rsplit",      "splitlines",
    "startswith", "endswith", "upper",  "lower",        "capitalize",  "title",
    "replace",    "find",     "rfind",  "count",        "isdigit",     "isspace",
    "isupper",    "islower",  "join",   "removeprefix", "removesuffix"};

template <class Fn>
void each_point(std::string_view text, Fn&& fn) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(text.substr(at));
    fn(step.code_point, text.substr(at, step.length));
    at += step.length;
  }
}

std::vector<Value> to_values(const std::vector<std::string>& parts) {
  std::vector<Value> out;
  out.reserve(parts.size());
  for (const std::string& part : parts) out.push_back(Value::text(part));
  return out;
}

// str.split() without a separator: runs of white space.
std::vector<std::string> split_space(std::string_view text, int64_t limit) {
  std::vector<std::string> out;
  while (true) {
    text = text.substr(text.size() - strip(text, nullptr, true, false).size());
    if (text.empty()) return out;
    if (limit >= 0 && static_cast<int64_t>(out.size()) == limit) {
      out.emplace_back(text);
      return out;
    }
    size_t end = 0;
    while (end < text.size()) {
      const Utf8Step step = read_utf8(text.substr(end));
      if (is_python_space(step.code_point)) break;
      end += step.length;
    }
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::vector<std::string> split_at(const std::string& text, const std::string& separator,
                                  int64_t limit) {
  std::vector<std::string> out;
  size_t from = 0;
  while (limit < 0 || static_cast<int64_t>(out.size()) < limit) {
    const size_t found = text.find(separator, from);
    if (found == std::string::npos) break;
    out.push_back(text.substr(from, found - from));
    from = found + separator.size();
  }
  out.push_back(text.substr(from));
  return out;
}

std::vector<std::string> split_from_right(std::string text, const std::string& separator,
                                          int64_t limit) {
  std::vector<std::string> out;
  while (limit < 0 || static_cast<int64_t>(out.size()) < limit) {
    const size_t found = text.rfind(separator);
    if (found == std::string::npos) break;
    out.push_back(text.substr(found + separator.size()));
    text.resize(found);
  }
  out.push_back(text);
  std::reverse(out.begin(), out.end());
  return out;
}

Value split(const std::string& text, const std::string& name, const Arguments& args) {
  const Value* separator = args.find(0, "sep");
  const int64_t limit = args.integer(1, "maxsplit", -1);
  if (separator == nullptr || separator->is_none()) {
    if (name == "rsplit" && limit >= 0) throw Error("rsplit() needs a separator here");
    return Value::list(to_values(split_space(text, limit)));
  }
  const std::string sep = args.text(0, "sep");
  if (sep.empty()) throw Error("split() by an empty string");
  return Value::list(
      to_values(name == "split" ? split_at(text, sep, limit) : split_from_right(text, sep, limit)));
}

Value split_lines(const std::string& text) {
  std::vector<Value> out;
  std::string line;
  bool open = false;
  char32_t last = 0;
  each_point(text, [&](char32_t c, std::string_view bytes) {
    const bool ends = (c >= 0xA && c <= 0xD) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                      c == 0x2028 || c == 0x2029;
    if (c == '\n' && last == '\r') {
      // the second half of one line end
    } else if (ends) {
      out.push_back(Value::text(std::exchange(line, {})));
      open = false;
    } else {
      line += bytes;
      open = true;
    }
    last = c;
  });
  if (open) out.push_back(Value::text(line));
  return Value::list(std::move(out));
}

bool has_affix(const std::string& text, const Arguments& args, bool at_start) {
  const Value* affix = args.find(0, "prefix");
  const auto has = [&](const Value& v) {
    if (v.string() == nullptr) throw Error("startswith() and endswith() need a string");
    return at_start ? text.starts_with(*v.string()) : text.ends_with(*v.string());
  };
  if (affix == nullptr || args.positional.size() > 1) {
    throw Error("startswith() and endswith() take one string or tuple of strings");
  }
  if (const List* list = affix->items()) {
    return std::any_of(list->values.begin(), list->values.end(), has);
  }
  return has(*affix);
}

bool all_points(std::string_view text, bool (*holds)(char32_t)) {
  bool all = !text.empty();
  each_point(text, [&](char32_t c, std::string_view) { all = all && holds(c); });
  return all;
}

// isupper and islower: some cased character, and none of the other case.
bool has_only_case(std::string_view text, utf8proc_category_t wanted, utf8proc_category_t other) {
  bool some = false;
  bool none_other = true;
  each_point(text, [&](char32_t c, std::string_view) {
    const auto kind = utf8proc_category(static_cast<utf8proc_int32_t>(c));
    some = some || kind == wanted;
    none_other = none_other && kind != other && kind != UTF8PROC_CATEGORY_LT;
  });
  return some && none_other;
}

}  // namespace

std::string strip(std::string_view text, const std::string* chars, bool left, bool right) {
  const auto drops = [&](std::string_view bytes) {
    return chars != nullptr ? chars->find(bytes) != std::string::npos
                            : is_python_space(read_utf8(bytes).code_point);
  };
  while (left && !text.empty()) {
    const size_t length = read_utf8(text).length;
    if (!drops(text.substr(0, length))) break;
    text.remove_prefix(length);
  }
  while (right && !text.empty()) {
    size_t begin = text.size() - 1;
    while (begin > 0 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) --begin;
    if (!drops(text.substr(begin))) break;
    text.remove_suffix(text.size() - begin);
  }
  return std::string(text);
}

std::string replace_all(const std::string& text, const std::string& from, const std::string& to,
                        int64_t count) {
  std::string out;
  if (from.empty()) {
    // Between all characters, as Python does.
    each_point(text, [&](char32_t, std::string_view bytes) {
      if (count != 0) {
        out += to;
        --count;
      }
      out += bytes;
    });
    return count != 0 ? out + to : out;
  }
  size_t done = 0;
  for (size_t found = text.find(from); found != std::string::npos && count != 0;
       found = text.find(from, done), --count) {
    out.append(text, done, found - done);
    out += to;
    done = found + from.size();
  }
  return out.append(text, done);
}

std::string upper_case(std::string_view text) {
  std::string out;
  each_point(text, [&](char32_t c, std::string_view) {
    if (c == 0xDF) {
      out += "SS";
    } else {
      append_utf8(out, static_cast<char32_t>(utf8proc_toupper(static_cast<utf8proc_int32_t>(c))));
    }
  });
  return out;
}

std::string lower_case(std::string_view text) {
  std::string out;
  each_point(text, [&](char32_t c, std::string_view) { append_lower_case(out, c); });
  return out;
}

std::string capitalized(std::string_view text) {
  if (text.empty()) return {};
  const size_t first = read_utf8(text).length;
  return upper_case(text.substr(0, first)) + lower_case(text.substr(first));
}

std::string title_case(std::string_view text) {
  std::string out;
  bool begins = true;
  each_point(text, [&](char32_t c, std::string_view bytes) {
    const bool breaks =
        is_python_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
    out += begins && !breaks ? upper_case(bytes) : lower_case(bytes);
    begins = breaks;
  });
  return out;
}

std::vector<Value> characters(const std::string& text) {
  std::vector<Value> out;
  each_point(text, [&](char32_t, std::string_view bytes) {
    out.push_back(Value::text(std::string(bytes)));
  });
  return out;
}

bool is_string_method(std::string_view name) {
  return std::find(std::begin(kMethods), std::end(kMethods), name) != std::end(kMethods);
}

Value call_string_method(const std::string& text, const std::string& name, const Arguments& args,
                         const Context& context) {
  context.charge(text.size());
  if (name == "strip" || name == "lstrip" || name == "rstrip") {
    const Value* chars = args.find(0, "chars");
    const bool given = chars != nullptr && !chars->is_none();
    const std::string set = given ? args.text(0, "chars") : "";
    return Value::text(strip(text, given ? &set : nullptr, name != "rstrip", name != "lstrip"));
  }
  if (name == "split" || name == "rsplit") return split(text, name, args);
  if (name == "splitlines") return split_lines(text);
  if (name == "startswith") return Value::boolean(has_affix(text, args, true));
  if (name == "endswith") return Value::boolean(has_affix(text, args, false));
  if (name == "upper") return Value::text(upper_case(text));
  if (name == "lower") return Value::text(lower_case(text));
  if (name == "capitalize") return Value::text(capitalized(text));
  if (name == "title") return Value::text(title_case(text));
  if (name == "replace") {
    const std::string to = args.text(1, "new");
    context.charge(to.size() * (text.size() + 1));
    return Value::text(replace_all(text, args.text(0, "old"), to, args.integer(2, "count", -1)));
  }
  if (name == "find" || name == "rfind") {
    const std::string sub = args.text(0, "sub");
    const size_t at = name == "find" ? text.find(sub) : text.rfind(sub);
    return Value::integer(
        at == std::string::npos ? -1 : count_code_points(std::string_view(text).substr(0, at)));
  }
  if (name == "count") {
    const std::string sub = args.text(0, "sub");
    if (sub.empty()) return Value::integer(count_code_points(text) + 1);
    return Value::integer(static_cast<int64_t>(split_at(text, sub, -1).size()) - 1);
  }
  if (name == "isdigit") {
    return Value::boolean(all_points(text, [](char32_t c) {
      return utf8proc_category(static_cast<utf8proc_int32_t>(c)) == UTF8PROC_CATEGORY_ND;
    }));
  }
  if (name == "isspace") return Value::boolean(all_points(text, is_python_space));
  if (name == "isupper") {
    return Value::boolean(has_only_case(text, UTF8PROC_CATEGORY_LU, UTF8PROC_CATEGORY_LL));
  }
  if (name == "islower") {
    return Value::boolean(has_only_case(text, UTF8PROC_CATEGORY_LL, UTF8PROC_CATEGORY_LU));
  }
  if (name == "join") {
    const Value* list = args.find(0, "iterable");
    std::string out;
    bool first = true;
    for (const Value& item : iterate(list != nullptr ? *list : Value())) {
      if (item.string() == nullptr) throw Error("join() of something that is not a string");
      context.charge(item.string()->size() + text.size());
      out += (first ? "" : text) + *item.string();
      first = false;
    }
    return Value::text(out);
  }
  const std::string affix = args.text(0, "prefix");
  if (name == "removeprefix") {
    return Value::text(text.starts_with(affix) ? text.substr(affix.size()) : text);
  }
  return Value::text(text.ends_with(affix) ? text.substr(0, text.size() - affix.size()) : text);
}

void append_hex(std::string& out, const char* format, char32_t c) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c));
  out += buffer;
}

}  // namespace gradus::policy::jinja
