#include "policy/tokenizer/jinja/strings.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "base/error.h"
#include "policy/tokenizer/jinja/syntax/lexer.h"
#include "policy/tokenizer/utf8.h"

namespace gradus::policy::jinja {
namespace {

template <class Fn>
void each_point(std::string_view text, Fn&& fn) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = read_utf8(text.substr(at));
    fn(step.code_point, text.substr(at, step.length));
    at += step.length;
  }
}

}  // namespace

size_t find_text(const std::string& text, const std::string& needle, size_t from) {
  if (from > text.size()) return std::string::npos;
  if (needle.empty()) return from;
  const void* found =
      ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
  return found == nullptr ? std::string::npos
                          : static_cast<size_t>(static_cast<const char*>(found) - text.data());
}

std::string strip(std::string_view text, const std::string* chars, bool left, bool right) {
  std::set<char32_t> dropped;
  if (chars != nullptr) {
    each_point(*chars, [&](char32_t c, std::string_view) { dropped.insert(c); });
  }
  const auto drops = [&](std::string_view bytes) {
    const char32_t c = read_utf8(bytes).code_point;
    return chars != nullptr ? dropped.contains(c) : is_python_space(c);
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
                        int64_t count, Meter& meter) {
  std::string out;
  meter.charge(text.size());
  if (from.empty()) {
    // Between all characters, as Python does.
    each_point(text, [&](char32_t, std::string_view bytes) {
      if (count != 0) {
        meter.charge(to.size());
        out += to;
        --count;
      }
      out += bytes;
    });
    return count != 0 ? out + to : out;
  }
  size_t done = 0;
  for (size_t found = find_text(text, from, 0); found != std::string::npos && count != 0;
       found = find_text(text, from, done), --count) {
    meter.charge(to.size());
    out.append(text, done, found - done);
    out += to;
    done = found + from.size();
  }
  return out.append(text, done);
}

std::string repeat(const std::string& text, size_t times) {
  if (text.size() == 1) return std::string(times, text.front());
  std::string out;
  out.reserve(text.size() * times);
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

std::string padded(const std::string& text, int64_t width, const std::string& fill, Padding padding,
                   Meter& meter) {
  if (count_code_points(fill) != 1) throw Error("the fill of a text must be one character");
  const int64_t lacks = width - count_code_points(text);
  meter.charge(text.size() + (lacks > 0 ? static_cast<size_t>(lacks) * fill.size() : 0));
  if (lacks <= 0) return text;
  int64_t left = padding == Padding::kLeft ? lacks : 0;
  if (padding == Padding::kBoth) left = lacks / 2 + (lacks & width & 1);
  return repeat(fill, static_cast<size_t>(left)) + text +
         repeat(fill, static_cast<size_t>(lacks - left));
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

void append_hex(std::string& out, const char* format, char32_t c) {
  char buffer[16];
  std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(c));
  out += buffer;
}

}  // namespace gradus::policy::jinja
