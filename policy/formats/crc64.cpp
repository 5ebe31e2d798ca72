#include "policy/formats/crc64.h"

#include <array>
#include <cstring>

namespace gradus::policy {
namespace {

constexpr uint64_t kPolynomial = 0xC96C5795D7870F42;
constexpr int kSlices = 16;

using Tables = std::array<std::array<uint64_t, 256>, kSlices>;

// tables[k][b]: the CRC of byte b followed by k zero bytes.
constexpr Tables make_tables() {
  Tables tables{};
  for (uint64_t b = 0; b < 256; ++b) {
    uint64_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][b] = crc;
  }
  for (int k = 1; k < kSlices; ++k) {
    for (int b = 0; b < 256; ++b) {
      const uint64_t before = tables[k - 1][b];
      tables[k][b] = (before >> 8) ^ tables[0][before & 0xFF];
    }
  }
  return tables;
}

constexpr Tables kTables = make_tables();

// The CRC of eight bytes that `following` bytes come after.
uint64_t fold(uint64_t word, int following) {
  uint64_t crc = 0;
  for (int i = 0; i < 8; ++i) crc ^= kTables[following + 7 - i][(word >> (8 * i)) & 0xFF];
  return crc;
}

}  // namespace

void Crc64::update(std::span<const std::byte> bytes) {
  uint64_t crc = state_;
  size_t i = 0;
  for (; i + 16 <= bytes.size(); i += 16) {
    uint64_t low;
    uint64_t high;
    std::memcpy(&low, bytes.data() + i, 8);
    std::memcpy(&high, bytes.data() + i + 8, 8);
    crc = fold(low ^ crc, 8) ^ fold(high, 0);
  }
  for (; i < bytes.size(); ++i) {
    crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<uint64_t>(bytes[i])) & 0xFF];
  }
  state_ = crc;
}

}  // namespace gradus::policy
