#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/error.h"

namespace gradus::service {

/// A message that is none: cut off, or a field of a form that protobuf does not have.
class WireError : public Error {
 public:
  using Error::Error;
};

/// Reads the fields of one protobuf message (proto3), one after the other. Fields that nobody asks
/// for are skipped by the next `next`. All calls @throw WireError.
class ProtoReader {
 public:
  enum class Kind { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

  explicit ProtoReader(std::string_view bytes) : rest_(bytes) {}
  /// Goes to the next field. @return  false: the message is over.
  bool next();
  uint32_t field() const { return field_; }
  Kind kind() const { return kind_; }
  /// The field's value, of its own kind.
  uint64_t varint() const;
  double real() const;
  std::string_view bytes() const;

  /// Of a packed repeated field's bytes, which are numbers without tags: the next one.
  uint64_t take_varint();
  bool is_over() const { return rest_.empty(); }

 private:
  std::string_view take(uint64_t count);

  std::string_view rest_;
  uint32_t field_ = 0;
  Kind kind_ = Kind::varint;
  uint64_t number_ = 0;
  std::string_view bytes_;
};

/// Builds one message.
class ProtoWriter {
 public:
  void varint(uint32_t field, uint64_t value);
  void real(uint32_t field, double value);
  void bytes(uint32_t field, std::string_view value);
  const std::string& text() const { return text_; }

 private:
  void put(uint64_t value);
  std::string text_;
};

/// Little-endian bytes of an array, as Tinker's byte fields hold them.
template <class Array>
std::string_view bytes_of(const Array& array) {
  return {reinterpret_cast<const char*>(array.data()), array.size() * sizeof(array[0])};
}

}  // namespace gradus::service
