#include "cli/printable_stream.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace gradus::cli {
namespace {

constexpr size_t kLongestCharacter = 4;

bool is_plain(unsigned char c) {
  return (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\t';
}

// As base/printable.h has them, but newline and tab: they are the text's own here.
bool can_repaint(uint32_t value) {
  if (value < 0x20) return value != '\n' && value != '\t';
  if (value >= 0x7F && value < 0xA0) return true;
  return (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069) ||
         value == 0x2028 || value == 0x2029;
}

std::string visible(uint32_t value) {
  if (value == '\r') return "\\r";
  return value < 0x20 ? fmt::format("\\x{:02x}", value) : fmt::format("\\u{:04x}", value);
}

/// Bytes that the character wants which begins with `first`; 1 where none does.
size_t wanted_bytes(unsigned char first) {
  if (first >= 0xF0 && first < 0xF8) return 4;
  if (first >= 0xE0 && first < 0xF0) return 3;
  if (first >= 0xC0 && first < 0xE0) return 2;
  return 1;
}

bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U;
}

/// Whether more bytes may still complete the character at the text's end.
bool may_go_on(std::string_view text) {
  if (text.size() >= wanted_bytes(static_cast<unsigned char>(text.front()))) return false;
  for (const char c : text.substr(1))
    if (!is_continuation(c)) return false;
  return true;
}

}  // namespace

PrintableBuffer::~PrintableBuffer() {
  for (const char c : pending_) pass(fmt::format("\\x{:02x}", static_cast<unsigned char>(c)));
  target_.pubsync();
}

bool PrintableBuffer::pass(std::string_view bytes) {
  const auto count = static_cast<std::streamsize>(bytes.size());
  return target_.sputn(bytes.data(), count) == count;
}

bool PrintableBuffer::put(std::string_view text) {
  std::string whole;
  if (!pending_.empty()) {
    whole = pending_ + std::string(text);
    pending_.clear();
    text = whole;
  }
  size_t begin = 0;  // of what is passed on as it stands
  size_t i = 0;
  const auto flush = [&] { return i == begin || pass(text.substr(begin, i - begin)); };
  while (i < text.size()) {
    if (is_plain(static_cast<unsigned char>(text[i]))) {
      ++i;
      continue;
    }
    const std::string_view rest = text.substr(i, kLongestCharacter);
    const CodePoint point = code_point_at(text, i);
    if (!point.is_valid && rest.size() < kLongestCharacter && may_go_on(rest)) break;
    if (!point.is_valid || can_repaint(point.value)) {
      if (!flush()) return false;
      const auto byte = static_cast<unsigned char>(text[i]);
      if (!pass(point.is_valid ? visible(point.value) : fmt::format("\\x{:02x}", byte)))
        return false;
      begin = i + point.num_bytes;
    }
    i += point.num_bytes;
  }
  if (!flush()) return false;
  pending_ = text.substr(i);
  return true;
}

PrintableBuffer::int_type PrintableBuffer::overflow(int_type c) {
  if (traits_type::eq_int_type(c, traits_type::eof())) return traits_type::not_eof(c);
  const char byte = traits_type::to_char_type(c);
  return put({&byte, 1}) ? c : traits_type::eof();
}

std::streamsize PrintableBuffer::xsputn(const char* text, std::streamsize count) {
  return put({text, static_cast<size_t>(count)}) ? count : 0;
}

int PrintableBuffer::sync() {
  return target_.pubsync();
}

}  // namespace gradus::cli
