#include "policy/tokenizer/bpe/byte_alphabet.h"

#include <array>

#include "policy/tokenizer/utf8.h"

namespace gradus::policy {
namespace {

constexpr int kNumCodePoints = 0x100 + 68;

constexpr bool is_itself(int byte) {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
}

struct Tables {
  std::array<char16_t, 256> symbol{};
  std::array<int16_t, kNumCodePoints> byte{};
};

constexpr Tables make_tables() {
  Tables t;
  t.byte.fill(-1);
  int next = 0x100;
  for (int b = 0; b < 256; ++b) {
    t.symbol[b] = static_cast<char16_t>(is_itself(b) ? b : next++);
    t.byte[t.symbol[b]] = static_cast<int16_t>(b);
  }
  return t;
}

constexpr Tables kTables = make_tables();

}  // namespace

void append_byte_symbol(std::string& out, uint8_t byte) {
  append_utf8(out, kTables.symbol[byte]);
}

std::string to_byte_symbols(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char c : bytes) append_byte_symbol(out, static_cast<uint8_t>(c));
  return out;
}

bool append_bytes_of_symbols(std::string& out, std::string_view symbols) {
  const size_t before = out.size();
  for (size_t at = 0; at < symbols.size();) {
    const Utf8Step step = read_utf8(symbols.substr(at));
    const bool known = step.valid && step.code_point < kNumCodePoints;
    const int byte = known ? kTables.byte[step.code_point] : -1;
    if (byte < 0) {
      out.resize(before);
      return false;
    }
    out.push_back(static_cast<char>(byte));
    at += step.length;
  }
  return true;
}

}  // namespace gradus::policy
