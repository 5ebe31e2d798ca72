#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace gradus {

/// One decoded character of UTF-8 text.
struct CodePoint {
  uint32_t value = 0xFFFD;  // U+FFFD where the bytes are not UTF-8
  size_t num_bytes = 1;     // bytes it took; 1 for a byte that is not UTF-8
  bool is_valid = false;
};

/// The character at text[offset]; offset < text.size(). Overlong forms, surrogates and values
/// past U+10FFFF are not valid.
CodePoint code_point_at(std::string_view text, size_t offset);

/// Appends the UTF-8 form of a code point.
void append_code_point(std::string& text, uint32_t value);

bool is_valid_utf8(std::string_view text);

/// Number of characters (code points); a byte that is not UTF-8 counts as one.
int64_t num_code_points(std::string_view text);

/// The text with every byte that is not UTF-8 replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

}  // namespace gradus
