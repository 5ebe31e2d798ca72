#include "base/printable.h"

#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace gradus {
namespace {

void append_escaped(std::string& out, unsigned char byte) {
  constexpr char kHex[] = "0123456789abcdef";
  if (byte == '\n') {
    out += "\\n";
  } else if (byte == '\r') {
    out += "\\r";
  } else if (byte == '\t') {
    out += "\\t";
  } else {
    out += {'\\', 'x', kHex[byte >> 4], kHex[byte & 0xF]};
  }
}

// C1 controls and the direction overrides can repaint a terminal's line as well.
bool is_control(uint32_t value) {
  if (value < 0x20 || (value >= 0x7F && value < 0xA0)) return true;
  return (value >= 0x202A && value <= 0x202E) || (value >= 0x2066 && value <= 0x2069) ||
         value == 0x2028 || value == 0x2029;
}

}  // namespace

std::string printable(std::string_view text, size_t max_bytes) {
  std::string out;
  for (size_t i = 0; i < text.size();) {
    if (out.size() >= max_bytes) {
      return out + "... (" + std::to_string(text.size() - i) + " more bytes)";
    }
    const CodePoint point = code_point_at(text, i);
    if (point.is_valid && !is_control(point.value)) {
      out.append(text, i, point.num_bytes);
    } else {
      for (size_t k = 0; k < point.num_bytes; ++k) {
        append_escaped(out, static_cast<unsigned char>(text[i + k]));
      }
    }
    i += point.num_bytes;
  }
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  char buffer[64];
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value);
  return {buffer, result.ptr};
}

}  // namespace gradus
