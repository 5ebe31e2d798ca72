#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "policy/formats/gguf/gguf_value.h"
#include "policy/formats/mapped_file.h"

namespace gradus::policy {

/// Reads the front part of a GGUF file in order, through a small window, never past its end.
class GgufCursor {
 public:
  explicit GgufCursor(const MappedFile& file) : file_(file) {}

  uint64_t position() const { return position_; }
  uint64_t size() const { return file_.size(); }
  uint64_t left() const { return file_.size() - position_; }

  template <class Number>
  Number number() {
    Number result;
    copy(std::as_writable_bytes(std::span(&result, 1)));
    return result;
  }

  /// u64 length, then bytes; at most `max_bytes`.
  std::string string(uint64_t max_bytes);

  /// u32 type, then the value.
  GgufValue value();

  [[noreturn]] void fail(const char* kind, const std::string& what) const;

 private:
  void copy(std::span<std::byte> out);
  void check_left(uint64_t count, uint64_t item_bytes, const char* what) const;
  GgufType type();
  GgufValue scalar(GgufType type);
  GgufArray array(int depth);
  template <class Item, class Read>
  std::vector<Item> items(uint64_t count, Read&& read);

  const MappedFile& file_;
  uint64_t position_ = 0;
  std::vector<std::byte> window_;
  uint64_t window_begin_ = 0;
};

}  // namespace gradus::policy
