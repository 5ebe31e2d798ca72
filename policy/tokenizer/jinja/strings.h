#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "policy/tokenizer/jinja/builtins.h"

namespace gradus::policy::jinja {

/// Python's str.strip family. @param chars  what to strip; nullptr: white space.
std::string strip(std::string_view text, const std::string* chars, bool left, bool right);

/// Where `needle` begins in text[from:], or npos: linear in the text, whatever both hold.
size_t find_text(const std::string& text, const std::string& needle, size_t from);

/// Python's str.replace; count < 0: all. Paid for as it grows.
std::string replace_all(const std::string& text, const std::string& from, const std::string& to,
                        int64_t count, Meter& meter);

std::string upper_case(std::string_view text);
std::string lower_case(std::string_view text);
/// First character upper, the rest lower.
std::string capitalized(std::string_view text);
/// Jinja2's title filter.
std::string title_case(std::string_view text);

/// `text` so many times, with few copies.
std::string repeat(const std::string& text, size_t times);

/// Python's padding of str.center, ljust and rjust: on the left, the right or both sides.
enum class Padding { kLeft, kRight, kBoth };
std::string padded(const std::string& text, int64_t width, const std::string& fill, Padding padding,
                   Meter& meter);

/// The characters of a text, each a string.
std::vector<Value> characters(const std::string& text);

/// Appends a number in a printf format of one unsigned, "%04x".
void append_hex(std::string& out, const char* format, char32_t c);

bool is_string_method(std::string_view name);
Value call_string_method(const std::string& text, const std::string& name, const Arguments& args,
                         const Context& context);

}  // namespace gradus::policy::jinja
