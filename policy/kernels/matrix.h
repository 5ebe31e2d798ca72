#pragma once

#include <cstdint>

namespace gradus::policy::kernels {

/// Element types that the CPU kernels compute with. bf16 is the upper half of a float32.
enum class Type : uint8_t { f32, bf16 };

constexpr int64_t bytes_of(Type type) {
  return type == Type::f32 ? 4 : 2;
}

/// A row-major matrix that somebody else owns; `stride` is the distance of rows in elements.
struct ConstMatrix {
  const void* data = nullptr;
  Type type = Type::f32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;
};

struct Matrix {
  void* data = nullptr;
  Type type = Type::f32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t stride = 0;

  // NOLINTNEXTLINE(google-explicit-constructor): a view of the same memory
  operator ConstMatrix() const { return {data, type, rows, cols, stride}; }
};

}  // namespace gradus::policy::kernels
