#include "policy/tokenizer/jinja/string_cuts.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "policy/tokenizer/jinja/strings.h"
#include "policy/tokenizer/jinja/syntax/lexer.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja::string_cuts {
namespace {

/// Parts of a text, paid for.
class Parts {
 public:
  explicit Parts(const Context& context) : context_(context) {}
  void add(std::string_view part) {
    context_.charge(part.size() + sizeof(Value) + sizeof(std::string) + 16);
    parts_.push_back(Value::text(std::string(part)));
  }
  int64_t size() const { return static_cast<int64_t>(parts_.size()); }
  Value list(bool is_tuple = false) { return Value::list(std::move(parts_), is_tuple); }
  Value reversed_list() {
    std::reverse(parts_.begin(), parts_.end());
    return list();
  }

 private:
  const Context& context_;
  std::vector<Value> parts_;
};

size_t space_at_start(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const Utf8Step step = read_utf8(text.substr(at));
    if (!is_python_space(step.code_point)) break;
    at += static_cast<size_t>(step.length);
  }
  return at;
}

size_t last_character(std::string_view text) {
  size_t at = text.size() - 1;
  while (at > 0 && (static_cast<uint8_t>(text[at]) & 0xC0) == 0x80) --at;
  return at;
}

// str.split() without a separator: runs of white space.
Value split_space(std::string_view text, int64_t limit, const Context& context) {
  Parts parts(context);
  for (;;) {
    text.remove_prefix(space_at_start(text));
    if (text.empty()) return parts.list();
    if (limit >= 0 && parts.size() == limit) {
      parts.add(text);
      return parts.list();
    }
    size_t end = 0;
    while (end < text.size() && space_at_start(text.substr(end, 4)) == 0) {
      end += static_cast<size_t>(read_utf8(text.substr(end)).length);
    }
    parts.add(text.substr(0, end));
    text.remove_prefix(end);
  }
}

Value split_space_from_right(std::string_view text, int64_t limit, const Context& context) {
  Parts parts(context);
  const auto is_space_last = [&](std::string_view t) {
    return is_python_space(read_utf8(t.substr(last_character(t))).code_point);
  };
  for (;;) {
    while (!text.empty() && is_space_last(text)) text = text.substr(0, last_character(text));
    if (text.empty()) return parts.reversed_list();
    if (parts.size() == limit) {
      parts.add(text);
      return parts.reversed_list();
    }
    std::string_view before = text;
    while (!before.empty() && !is_space_last(before)) {
      before = before.substr(0, last_character(before));
    }
    parts.add(text.substr(before.size()));
    text = before;
  }
}

Value split_at(const std::string& text, const std::string& separator, int64_t limit,
               const Context& context) {
  Parts parts(context);
  size_t from = 0;
  while (limit < 0 || parts.size() < limit) {
    const size_t found = find_text(text, separator, from);
    if (found == std::string::npos) break;
    parts.add(std::string_view(text).substr(from, found - from));
    from = found + separator.size();
  }
  parts.add(std::string_view(text).substr(from));
  return parts.list();
}

std::string backwards(std::string text) {
  std::reverse(text.begin(), text.end());
  return text;
}

// Looks through both back to front, which stays linear.
Value split_from_right(const std::string& text, const std::string& separator, int64_t limit,
                       const Context& context) {
  context.charge(text.size());
  const std::string back = backwards(text);
  const std::string wanted = backwards(separator);
  Parts parts(context);
  size_t from = 0;  // of `back`
  while (limit < 0 || parts.size() < limit) {
    const size_t found = find_text(back, wanted, from);
    if (found == std::string::npos) break;
    parts.add(std::string_view(text).substr(text.size() - found, found - from));
    from = found + wanted.size();
  }
  parts.add(std::string_view(text).substr(0, text.size() - from));
  return parts.reversed_list();
}

template <bool from_right>
Value split_either_way(const std::string& text, const Arguments& args, const Context& context) {
  const Value* separator = args.find(0, "sep");
  const int64_t limit = args.integer(1, "maxsplit", -1);
  if (separator == nullptr || separator->is_none()) {
    return from_right && limit >= 0 ? split_space_from_right(text, limit, context)
                                    : split_space(text, limit, context);
  }
  const std::string sep = args.text(0, "sep");
  if (sep.empty()) throw Error("split() by an empty string");
  return from_right ? split_from_right(text, sep, limit, context)
                    : split_at(text, sep, limit, context);
}

/// The part of a text that the arguments `start` and `end` leave, as bytes.
struct Span {
  size_t begin = 0;
  size_t end = 0;
  bool is_there = true;  ///< false: the start lies behind the end
};

Span span_of(const std::string& text, const Arguments& args) {
  Span span{0, text.size(), true};
  if (args.find(1, "start") == nullptr) return span;
  const int64_t size = count_code_points(text);
  const auto place = [&](size_t index, const char* name, int64_t otherwise) {
    const int64_t at = args.integer(index, name, otherwise);
    return std::max<int64_t>(0, at < 0 ? at + size : at);
  };
  const int64_t start = place(1, "start", 0);
  const int64_t stop = std::min(size, place(2, "end", size));
  span.is_there = start <= stop;
  if (!span.is_there) return span;
  const auto bytes = [&](int64_t points) {
    size_t at = 0;
    for (; points > 0; --points) at += read_utf8(std::string_view(text).substr(at)).length;
    return at;
  };
  span.begin = bytes(start);
  span.end = bytes(stop);
  return span;
}

template <bool at_start>
Value has_affix(const std::string& text, const Arguments& args, const Context& context) {
  const Value* affix = args.find(0, "prefix");
  if (affix == nullptr) throw Error("startswith() and endswith() take a string or a tuple of them");
  const Span span = span_of(text, args);
  const auto part = std::string_view(text).substr(span.begin, span.end - span.begin);
  const auto has = [&](const Value& v) {
    if (v.string() == nullptr) throw Error("startswith() and endswith() need a string");
    context.meter.step();
    context.meter.read(std::min(v.string()->size(), text.size()));
    return span.is_there &&
           (at_start ? part.starts_with(*v.string()) : part.ends_with(*v.string()));
  };
  if (const List* list = affix->items()) {
    return Value::boolean(std::any_of(list->values.begin(), list->values.end(), has));
  }
  return Value::boolean(has(*affix));
}

/// str.find (from_right: rfind) as a byte, or npos.
template <bool from_right>
size_t place_of(const std::string& text, const std::string& wanted, const Arguments& args) {
  const Span span = span_of(text, args);
  if (!span.is_there) return std::string::npos;
  const std::string part = text.substr(span.begin, span.end - span.begin);
  size_t found = 0;
  if constexpr (from_right) {
    found = find_text(backwards(part), backwards(wanted), 0);
    if (found != std::string::npos) found = part.size() - found - wanted.size();
  } else {
    found = find_text(part, wanted, 0);
  }
  return found == std::string::npos ? found : found + span.begin;
}

template <bool from_right, bool must_be_there>
Value found_place(const std::string& text, const Arguments& args, const Context& context) {
  context.charge(2 * text.size());
  const size_t at = place_of<from_right>(text, args.text(0, "sub"), args);
  if (at == std::string::npos) {
    if (must_be_there) throw Error("index() of a text that is not there");
    return Value::integer(-1);
  }
  return Value::integer(count_code_points(std::string_view(text).substr(0, at)));
}

template <bool from_right>
Value in_three(const std::string& text, const Arguments& args, const Context& context) {
  const std::string separator = args.text(0, "sep");
  if (separator.empty()) throw Error("partition() by an empty string");
  context.charge(2 * text.size());
  Arguments none;
  const size_t at = place_of<from_right>(text, separator, none);
  const bool is_there = at != std::string::npos;
  Parts parts(context);
  parts.add(is_there ? text.substr(0, at) : from_right ? "" : text);
  parts.add(is_there ? separator : "");
  parts.add(is_there ? text.substr(at + separator.size()) : from_right ? text : "");
  return parts.list(/*is_tuple=*/true);
}

}  // namespace

Value split(const std::string& text, const Arguments& args, const Context& context) {
  return split_either_way<false>(text, args, context);
}
Value rsplit(const std::string& text, const Arguments& args, const Context& context) {
  return split_either_way<true>(text, args, context);
}
Value partition(const std::string& text, const Arguments& args, const Context& context) {
  return in_three<false>(text, args, context);
}
Value rpartition(const std::string& text, const Arguments& args, const Context& context) {
  return in_three<true>(text, args, context);
}
Value find(const std::string& text, const Arguments& args, const Context& context) {
  return found_place<false, false>(text, args, context);
}
Value rfind(const std::string& text, const Arguments& args, const Context& context) {
  return found_place<true, false>(text, args, context);
}
Value index(const std::string& text, const Arguments& args, const Context& context) {
  return found_place<false, true>(text, args, context);
}
Value rindex(const std::string& text, const Arguments& args, const Context& context) {
  return found_place<true, true>(text, args, context);
}
Value startswith(const std::string& text, const Arguments& args, const Context& context) {
  return has_affix<true>(text, args, context);
}
Value endswith(const std::string& text, const Arguments& args, const Context& context) {
  return has_affix<false>(text, args, context);
}

Value count(const std::string& text, const Arguments& args, const Context&) {
  const std::string sub = args.text(0, "sub");
  const Span span = span_of(text, args);
  if (!span.is_there) return Value::integer(0);
  const std::string part = text.substr(span.begin, span.end - span.begin);
  if (sub.empty()) return Value::integer(count_code_points(part) + 1);
  int64_t found = 0;
  for (size_t at = 0; (at = find_text(part, sub, at)) != std::string::npos; at += sub.size()) {
    ++found;
  }
  return Value::integer(found);
}

Value splitlines(const std::string& text, const Arguments& args, const Context& context) {
  const bool keeps_ends = args.flag(0, "keepends", false);
  Parts parts(context);
  std::string line;
  bool open = false;
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(std::string_view(text).substr(at));
    const char32_t c = step.code_point;
    std::string_view bytes = std::string_view(text).substr(at, static_cast<size_t>(step.length));
    if (c == '\r' && at + 1 < text.size() && text[at + 1] == '\n') bytes = "\r\n";
    at += bytes.size();
    const bool ends = (c >= 0xA && c <= 0xD) || (c >= 0x1C && c <= 0x1E) || c == 0x85 ||
                      c == 0x2028 || c == 0x2029;
    if (!ends || keeps_ends) line += bytes;
    open = !ends;
    if (ends) parts.add(std::exchange(line, {}));
  }
  if (open) parts.add(line);
  return parts.list();
}

}  // namespace gradus::policy::jinja::string_cuts
