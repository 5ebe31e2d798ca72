#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace gradus::policy {

/// GGUF's value types, by their number in the file.
enum class GgufType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

std::string_view gguf_type_name(GgufType type);

/// An array of one item type; whole numbers are widened to 64 bits, fractions to double.
struct GgufArray {
  GgufType item_type = GgufType::u8;
  std::variant<std::vector<uint64_t>, std::vector<int64_t>, std::vector<double>, std::vector<bool>,
               std::vector<std::string>, std::vector<GgufArray>>
      items;

  size_t size() const;
};

/// One metadata value: its type in the file, and the value widened as in GgufArray.
struct GgufValue {
  GgufType type = GgufType::u8;
  std::variant<uint64_t, int64_t, double, bool, std::string, GgufArray> value;

  static GgufValue u32(uint32_t value) { return {GgufType::u32, uint64_t{value}}; }
  static GgufValue f32(float value) { return {GgufType::f32, double{value}}; }
  static GgufValue boolean(bool value) { return {GgufType::boolean, value}; }
  static GgufValue string(std::string text) { return {GgufType::string, std::move(text)}; }
  static GgufValue strings(std::vector<std::string> items);
  static GgufValue i32s(std::vector<int64_t> items);
  static GgufValue f32s(std::vector<double> items);

  /// The value if it is of that kind; whole numbers of any width and sign count as `whole` when
  /// they fit, and as `real`. An F32 becomes the double with its shortest decimal text (1e-05, not
  /// 9.99999974e-06).
  std::optional<int64_t> whole() const;
  std::optional<double> real() const;
  std::optional<bool> flag() const;
  const std::string* text() const { return std::get_if<std::string>(&value); }
  const GgufArray* array() const { return std::get_if<GgufArray>(&value); }
  const std::vector<std::string>* strings() const;
};

/// Keys in the order in which they are to be written.
using GgufEntries = std::vector<std::pair<std::string, GgufValue>>;

}  // namespace gradus::policy
