#include "policy/formats/gguf/gguf_value.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>

namespace gradus::policy {

std::string_view gguf_type_name(GgufType type) {
  constexpr std::array<std::string_view, 13> kNames{"u8",  "i8",  "u16",  "i16",    "u32",
                                                    "i32", "f32", "bool", "string", "array",
                                                    "u64", "i64", "f64"};
  const auto index = static_cast<size_t>(type);
  return index < kNames.size() ? kNames[index] : "unknown";
}

size_t GgufArray::size() const {
  return std::visit([](const auto& list) { return list.size(); }, items);
}

GgufValue GgufValue::strings(std::vector<std::string> items) {
  return {GgufType::array, GgufArray{GgufType::string, std::move(items)}};
}
GgufValue GgufValue::i32s(std::vector<int64_t> items) {
  return {GgufType::array, GgufArray{GgufType::i32, std::move(items)}};
}
GgufValue GgufValue::f32s(std::vector<double> items) {
  return {GgufType::array, GgufArray{GgufType::f32, std::move(items)}};
}

std::optional<int64_t> GgufValue::whole() const {
  if (const auto* u = std::get_if<uint64_t>(&value)) {
    if (*u > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return std::nullopt;
    return static_cast<int64_t>(*u);
  }
  if (const auto* i = std::get_if<int64_t>(&value)) return *i;
  return std::nullopt;
}

std::optional<double> GgufValue::real() const {
  if (const auto* d = std::get_if<double>(&value)) {
    if (type != GgufType::f32) return *d;
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), static_cast<float>(*d));
    double shortest = *d;
    std::from_chars(text.data(), end.ptr, shortest);
    return shortest;
  }
  if (const auto n = whole()) return static_cast<double>(*n);
  return std::nullopt;
}

std::optional<bool> GgufValue::flag() const {
  const auto* b = std::get_if<bool>(&value);
  return b == nullptr ? std::nullopt : std::optional<bool>(*b);
}

const std::vector<std::string>* GgufValue::strings() const {
  const GgufArray* list = array();
  return list == nullptr ? nullptr : std::get_if<std::vector<std::string>>(&list->items);
}

}  // namespace gradus::policy
