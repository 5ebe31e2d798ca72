#include "service/training/protobuf.h"

#include <bit>
#include <cstring>

namespace gradus::service {
namespace {

constexpr uint64_t kMostFields = (uint64_t{1} << 29) - 1;

}  // namespace

uint64_t ProtoReader::take_varint() {
  uint64_t value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    if (rest_.empty()) throw WireError("the message is cut off in a number");
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift < 64) value |= static_cast<uint64_t>(byte & 0x7F) << shift;
    if (byte < 0x80) return value;
  }
  throw WireError("a number has more than ten bytes");
}

std::string_view ProtoReader::take(uint64_t count) {
  if (count > rest_.size()) throw WireError("the message is cut off in a field");
  const auto taken = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return taken;
}

bool ProtoReader::next() {
  if (rest_.empty()) return false;
  const uint64_t tag = take_varint();
  if (tag >> 3 == 0 || tag >> 3 > kMostFields) throw WireError("a field has no valid number");
  field_ = static_cast<uint32_t>(tag >> 3);
  switch (tag & 7) {
    case 0:
      kind_ = Kind::varint;
      number_ = take_varint();
      return true;
    case 1:
      kind_ = Kind::fixed64;
      bytes_ = take(8);
      std::memcpy(&number_, bytes_.data(), 8);
      return true;
    case 2:
      kind_ = Kind::bytes;
      bytes_ = take(take_varint());
      return true;
    case 5:
      kind_ = Kind::fixed32;
      bytes_ = take(4);
      return true;
    default:
      throw WireError("a field is of a kind that proto3 does not have");
  }
}

uint64_t ProtoReader::varint() const {
  if (kind_ != Kind::varint) throw WireError("a field should be a number");
  return number_;
}

double ProtoReader::real() const {
  if (kind_ != Kind::fixed64) throw WireError("a field should be a double");
  return std::bit_cast<double>(number_);
}

std::string_view ProtoReader::bytes() const {
  if (kind_ != Kind::bytes) throw WireError("a field should have bytes");
  return bytes_;
}

void ProtoWriter::put(uint64_t value) {
  for (; value >= 0x80; value >>= 7) text_.push_back(static_cast<char>(value | 0x80));
  text_.push_back(static_cast<char>(value));
}

void ProtoWriter::varint(uint32_t field, uint64_t value) {
  put(uint64_t{field} << 3);
  put(value);
}

void ProtoWriter::real(uint32_t field, double value) {
  put(uint64_t{field} << 3 | 1);
  char bytes[8];
  std::memcpy(bytes, &value, 8);
  text_.append(bytes, 8);
}

void ProtoWriter::bytes(uint32_t field, std::string_view value) {
  put(uint64_t{field} << 3 | 2);
  put(value.size());
  text_.append(value);
}

}  // namespace gradus::service
