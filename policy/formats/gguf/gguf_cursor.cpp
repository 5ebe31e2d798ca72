#include "policy/formats/gguf/gguf_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace gradus::policy {
namespace {

constexpr uint64_t kWindowBytes = 64 * 1024;
constexpr int kMaxArrayDepth = 4;

/// Bytes that one item takes at least.
uint64_t item_bytes(GgufType type) {
  switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
      return 1;
    case GgufType::u16:
    case GgufType::i16:
      return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
      return 4;
    case GgufType::array:
      return 12;
    default:
      return 8;
  }
}

}  // namespace

void GgufCursor::fail(const char* kind, const std::string& what) const {
  throw FileError(file_.path().string(), kind, what);
}

void GgufCursor::check_left(uint64_t count, uint64_t item_bytes, const char* what) const {
  if (count <= left() / item_bytes) return;
  fail("checkpoint_truncated",
       fmt::format("at byte {}: {} of length {} does not fit into the {} bytes left", position_,
                   what, count, left()));
}

void GgufCursor::copy(std::span<std::byte> out) {
  check_left(out.size(), 1, "a value");
  if (out.size() > kWindowBytes) {
    file_.read(position_, out);
  } else {
    if (position_ < window_begin_ || position_ + out.size() > window_begin_ + window_.size()) {
      window_.resize(std::min(kWindowBytes, left()));
      window_begin_ = position_;
      file_.read(position_, window_);
    }
    if (!out.empty()) std::memcpy(out.data(), &window_[position_ - window_begin_], out.size());
  }
  position_ += out.size();
}

std::string GgufCursor::string(uint64_t max_bytes) {
  const auto length = number<uint64_t>();
  check_left(length, 1, "a string");
  if (length > max_bytes) {
    fail("bad_header", fmt::format("a name at byte {} has {} bytes; at most {} are accepted",
                                   position_, length, max_bytes));
  }
  std::string text(length, '\0');
  copy(std::as_writable_bytes(std::span(text)));
  return text;
}

GgufType GgufCursor::type() {
  const auto id = number<uint32_t>();
  if (id > static_cast<uint32_t>(GgufType::f64)) {
    fail("bad_header", fmt::format("at byte {}: unknown value type {}", position_ - 4, id));
  }
  return static_cast<GgufType>(id);
}

GgufValue GgufCursor::value() {
  const GgufType kind = type();
  if (kind == GgufType::array) return {kind, array(1)};
  return scalar(kind);
}

GgufValue GgufCursor::scalar(GgufType type) {
  switch (type) {
    case GgufType::u8:
      return {type, uint64_t{number<uint8_t>()}};
    case GgufType::u16:
      return {type, uint64_t{number<uint16_t>()}};
    case GgufType::u32:
      return {type, uint64_t{number<uint32_t>()}};
    case GgufType::u64:
      return {type, number<uint64_t>()};
    case GgufType::i8:
      return {type, int64_t{number<int8_t>()}};
    case GgufType::i16:
      return {type, int64_t{number<int16_t>()}};
    case GgufType::i32:
      return {type, int64_t{number<int32_t>()}};
    case GgufType::i64:
      return {type, number<int64_t>()};
    case GgufType::f32:
      return {type, double{number<float>()}};
    case GgufType::f64:
      return {type, number<double>()};
    case GgufType::string:
      return {type, string(left())};
    case GgufType::boolean: {
      const auto byte = number<uint8_t>();
      if (byte > 1) {
        fail("bad_header", fmt::format("at byte {}: a truth value is {}", position_ - 1, byte));
      }
      return {type, byte == 1};
    }
    case GgufType::array:
      break;
  }
  fail("bad_header", "an array where a plain value is due");
}

template <class Item, class Read>
std::vector<Item> GgufCursor::items(uint64_t count, Read&& read) {
  std::vector<Item> result;
  result.reserve(count);
  for (uint64_t i = 0; i < count; ++i) result.push_back(read());
  return result;
}

GgufArray GgufCursor::array(int depth) {
  if (depth > kMaxArrayDepth) {
    fail("bad_header", fmt::format("an array is nested deeper than {}", kMaxArrayDepth));
  }
  GgufArray result;
  result.item_type = type();
  const auto count = number<uint64_t>();
  check_left(count, item_bytes(result.item_type), "an array");
  const auto plain = [&]<class Item>(Item) {
    return items<Item>(count, [&] { return std::get<Item>(scalar(result.item_type).value); });
  };
  switch (result.item_type) {
    case GgufType::u8:
    case GgufType::u16:
    case GgufType::u32:
    case GgufType::u64:
      result.items = plain(uint64_t{});
      break;
    case GgufType::i8:
    case GgufType::i16:
    case GgufType::i32:
    case GgufType::i64:
      result.items = plain(int64_t{});
      break;
    case GgufType::f32:
    case GgufType::f64:
      result.items = plain(double{});
      break;
    case GgufType::boolean:
      result.items = plain(bool{});
      break;
    case GgufType::string:
      result.items = plain(std::string{});
      break;
    case GgufType::array:
      result.items = items<GgufArray>(count, [&] { return array(depth + 1); });
      break;
  }
  return result;
}

}  // namespace gradus::policy
