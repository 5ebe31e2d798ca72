#include "policy/formats/dtype.h"

#include <array>
#include <bit>
#include <cstring>
#include <limits>

#include "base/error.h"
#include "policy/formats/float_bits.h"
#include "policy/formats/gguf/gguf_blocks.h"

namespace gradus::policy {
namespace {

static_assert(std::endian::native == std::endian::little, "the formats are little-endian");

struct Traits {
  std::string_view name;
  uint64_t elements;
  uint64_t bytes;
};

// In the order of DType.
constexpr std::array<Traits, 27> kTraits{{
    {"BOOL", 1, 1},     {"U8", 1, 1},       {"I8", 1, 1},       {"U16", 1, 2},
    {"I16", 1, 2},      {"F16", 1, 2},      {"BF16", 1, 2},     {"U32", 1, 4},
    {"I32", 1, 4},      {"F32", 1, 4},      {"U64", 1, 8},      {"I64", 1, 8},
    {"F64", 1, 8},      {"F8_E4M3", 1, 1},  {"F8_E5M2", 1, 1},  {"F8_E8M0", 1, 1},
    {"C64", 1, 8},      {"Q4_0", 32, 18},   {"Q4_1", 32, 20},   {"Q5_0", 32, 22},
    {"Q5_1", 32, 24},   {"Q8_0", 32, 34},   {"Q2_K", 256, 84},  {"Q3_K", 256, 110},
    {"Q4_K", 256, 144}, {"Q5_K", 256, 176}, {"Q6_K", 256, 210},
}};
constexpr size_t kNumPlain = static_cast<size_t>(DType::Q4_0);

const Traits& traits(DType dtype) {
  return kTraits.at(static_cast<size_t>(dtype));
}

template <class Element, class Widen>
void widen(std::span<const std::byte> bytes, std::span<float> out, Widen&& to_f32) {
  for (size_t i = 0; i < out.size(); ++i) {
    Element element;
    std::memcpy(&element, bytes.data() + i * sizeof(Element), sizeof(Element));
    out[i] = to_f32(element);
  }
}

bool holds(float value, double wide) {
  return static_cast<double>(value) == wide || wide != wide;
}
template <class Integer>
bool holds(float value, Integer wide) {
  if constexpr (sizeof(Integer) < 4) return true;
  // Powers of two just past the range would be undefined when cast back.
  if (value >= static_cast<float>(std::numeric_limits<Integer>::max())) return false;
  return static_cast<Integer>(value) == wide;
}

template <class Element>
std::optional<size_t> widen_checked(std::span<const std::byte> bytes, std::span<float> out) {
  std::optional<size_t> first_inexact;
  size_t i = 0;
  widen<Element>(bytes, out, [&](Element element) {
    const float value = static_cast<float>(element);
    if (!first_inexact && !holds(value, element)) first_inexact = i;
    ++i;
    return value;
  });
  return first_inexact;
}

}  // namespace

std::string_view dtype_name(DType dtype) {
  return traits(dtype).name;
}
bool is_floating(DType dtype) {
  switch (dtype) {
    case DType::BOOL:
    case DType::U8:
    case DType::I8:
    case DType::U16:
    case DType::I16:
    case DType::U32:
    case DType::I32:
    case DType::U64:
    case DType::I64:
    case DType::C64:
      return false;
    default:
      return true;
  }
}
uint64_t dtype_block_elements(DType dtype) {
  return traits(dtype).elements;
}
uint64_t dtype_block_bytes(DType dtype) {
  return traits(dtype).bytes;
}

std::optional<uint64_t> dtype_num_bytes(DType dtype, uint64_t num_elements) {
  const Traits& t = traits(dtype);
  if (num_elements % t.elements != 0) return std::nullopt;
  uint64_t bytes = 0;
  if (__builtin_mul_overflow(num_elements / t.elements, t.bytes, &bytes)) return std::nullopt;
  return bytes;
}

std::optional<DType> dtype_from_safetensors(std::string_view name) {
  for (size_t i = 0; i < kNumPlain; ++i) {
    if (kTraits[i].name == name) return static_cast<DType>(i);
  }
  return std::nullopt;
}

std::string safetensors_dtype_names() {
  std::string names;
  for (size_t i = 0; i < kNumPlain; ++i) {
    if (i > 0) names += ", ";
    names += kTraits[i].name;
  }
  return names;
}

std::optional<size_t> convert_to_f32(DType dtype, std::span<const std::byte> bytes,
                                     std::span<float> out) {
  switch (dtype) {
    case DType::F32:
      if (!out.empty()) std::memcpy(out.data(), bytes.data(), out.size_bytes());
      return std::nullopt;
    case DType::BF16:
      widen<uint16_t>(bytes, out, bf16_to_f32);
      return std::nullopt;
    case DType::F16:
      widen<uint16_t>(bytes, out, f16_to_f32);
      return std::nullopt;
    case DType::F8_E4M3:
      widen<uint8_t>(bytes, out, f8_e4m3_to_f32);
      return std::nullopt;
    case DType::F8_E5M2:
      widen<uint8_t>(bytes, out, f8_e5m2_to_f32);
      return std::nullopt;
    case DType::F8_E8M0:
      widen<uint8_t>(bytes, out, f8_e8m0_to_f32);
      return std::nullopt;
    case DType::BOOL:
    case DType::U8:
      return widen_checked<uint8_t>(bytes, out);
    case DType::I8:
      return widen_checked<int8_t>(bytes, out);
    case DType::U16:
      return widen_checked<uint16_t>(bytes, out);
    case DType::I16:
      return widen_checked<int16_t>(bytes, out);
    case DType::U32:
      return widen_checked<uint32_t>(bytes, out);
    case DType::I32:
      return widen_checked<int32_t>(bytes, out);
    case DType::U64:
      return widen_checked<uint64_t>(bytes, out);
    case DType::I64:
      return widen_checked<int64_t>(bytes, out);
    case DType::F64:
      return widen_checked<double>(bytes, out);
    case DType::C64:
      return out.empty() ? std::nullopt : std::optional<size_t>(0);
    default:
      dequantise_blocks(dtype, bytes, out);
      return std::nullopt;
  }
}

std::optional<size_t> convert_from_f32(DType dtype, std::span<const float> values,
                                       std::span<std::byte> out) {
  if (dtype == DType::Q8_0) return quantise_q8_0(values, out);
  if (dtype == DType::F32) {
    if (!values.empty()) std::memcpy(out.data(), values.data(), values.size_bytes());
    return std::nullopt;
  }
  if (dtype != DType::F16 && dtype != DType::BF16) {
    throw ArgumentError("cannot write tensors as " + std::string(dtype_name(dtype)) +
                        "; choose F32, F16, BF16 or, in GGUF, Q8_0");
  }
  const bool is_half = dtype == DType::F16;
  const uint16_t infinity = is_half ? 0x7C00 : 0x7F80;
  std::optional<size_t> overflow;
  for (size_t i = 0; i < values.size(); ++i) {
    const uint16_t narrow = is_half ? f32_to_f16(values[i]) : f32_to_bf16(values[i]);
    if (!overflow && (narrow & 0x7FFF) == infinity && is_finite_bits(values[i])) overflow = i;
    std::memcpy(out.data() + 2 * i, &narrow, 2);
  }
  return overflow;
}

}  // namespace gradus::policy
