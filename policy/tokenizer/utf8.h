#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace gradus::policy {

/// One step of reading UTF-8. `length` bytes were read; if they are not a scalar value, `valid` is
/// false and `length` is the longest prefix of a well-formed sequence (at least 1), which is what
/// one U+FFFD stands for (Unicode 15, section 3.9, "maximal subpart").
struct Utf8Step {
  char32_t code_point = 0xFFFD;
  int length = 0;
  bool valid = false;
};

/// @param text  not empty; reads at its first byte.
Utf8Step read_utf8(std::string_view text);

void append_utf8(std::string& out, char32_t code_point);

/// Bytes that begin `text` and are well-formed UTF-8.
size_t valid_utf8_prefix(std::string_view text);

bool is_valid_utf8(std::string_view text);

/// `text` with every maximal subpart of ill-formed bytes replaced by U+FFFD (as Rust's and
/// Python's lossy decoders do).
std::string to_valid_utf8(std::string_view text);

/// Bytes at the end of `text` that begin a sequence which more bytes may complete: 0 to 3.
size_t incomplete_utf8_suffix(std::string_view text);

/// Number of code points; ill-formed subparts count as one each.
int64_t count_code_points(std::string_view text);

/// Unicode White_Space (Rust's char::is_whitespace, and \s in tokenizer.json's regexes).
bool is_white_space(char32_t c);

/// General category N* (Rust's char::is_numeric).
bool is_numeric(char32_t c);

/// ASCII punctuation or general category P* (what tokenizer.json's Punctuation splits at).
bool is_punctuation(char32_t c);

/// A word character in Rust's regex: Alphabetic, M, Nd, Pc or a joiner.
bool is_word(char32_t c);

/// One code point's lower case; most are one code point, U+0130 becomes two.
void append_lower_case(std::string& out, char32_t c);

/// Unicode normalisation forms C, D, KC and KD. Linear in the text up to sorting runs of combining
/// marks, whatever their order (utf8proc's own reordering is quadratic in hostile runs).
/// @param text  well-formed UTF-8.
std::string normalize_unicode(std::string_view text, bool compatibility, bool compose);

}  // namespace gradus::policy
