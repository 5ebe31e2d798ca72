#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"

namespace gradus::rl {

/// Records on their way between ranks of one program: numbers as the machine has them, texts and
/// lists behind their length. ByteReader reads in the order in which ByteWriter wrote.
class ByteWriter {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void number(const T& value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(T)); }
  void text(std::string_view value) {
    number(value.size());
    bytes_.append(value);
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void list(const std::vector<T>& values) {
    number(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

/// @throws PeerError  the bytes end too early: another rank runs another program.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T number() {
    T value;
    std::memcpy(&value, take(sizeof(T)).data(), sizeof(T));
    return value;
  }
  std::string text() { return std::string(take(number<size_t>())); }
  template <class T>
  requires std::is_trivially_copyable_v<T> std::vector<T> list() {
    const auto count = number<size_t>();
    if (count > rest_.size() / sizeof(T)) short_of_bytes();
    std::vector<T> values(count);
    const auto bytes = take(count * sizeof(T));
    if (count > 0) std::memcpy(values.data(), bytes.data(), bytes.size());
    return values;
  }
  bool is_empty() const { return rest_.empty(); }

 private:
  std::string_view take(size_t count) {
    if (count > rest_.size()) short_of_bytes();
    const auto bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }
  [[noreturn]] static void short_of_bytes() {
    throw PeerError("a record of another rank is too short; do all ranks run the same program?");
  }

  std::string_view rest_;
};

}  // namespace gradus::rl
