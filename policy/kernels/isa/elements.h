#pragma once

#include "policy/kernels/kernel_table.h"

// Element types as template arguments, and loops over lanes. Needs one of the vector_*.h before it.
namespace gradus::policy::kernels::GRADUS_ISA {
namespace {

/// Calls fn with a null pointer of the element type: float or bf16's uint16_t.
template <class Fn>
GRADUS_INLINE void with_type(Type type, Fn fn) {
  if (type == Type::f32) {
    fn(static_cast<float*>(nullptr));
  } else {
    fn(static_cast<uint16_t*>(nullptr));
  }
}

template <class E>
GRADUS_INLINE const E* as(const void* p, E*) {
  return static_cast<const E*>(p);
}
template <class E>
GRADUS_INLINE E* as(void* p, E*) {
  return static_cast<E*>(p);
}

/// fn(i, lanes) for i = 0, 16, 32, ... below n.
template <class Fn>
GRADUS_INLINE void each_16(int64_t n, Fn fn) {
  for (int64_t i = 0; i < n; i += kLanes) fn(i, n - i < kLanes ? n - i : int64_t{kLanes});
}

/// One step of K: a float, or a pair of bf16; both are units of four bytes.
struct StepF32 {
  using Element = float;
  using Operand = F16;
  static constexpr int kDepth = 1;
  static constexpr int kGemmRows = kGemmRowsF32;
  static GRADUS_INLINE Operand columns(const uint32_t* units) {
    return load(reinterpret_cast<const float*>(units));
  }
  static GRADUS_INLINE Operand row(const uint32_t* unit) {
    return set16(*reinterpret_cast<const float*>(unit));
  }
  static GRADUS_INLINE F16 dot_add(Operand a, Operand b, F16 c) { return fma(a, b, c); }
};

struct StepBf16 {
  using Element = uint16_t;
  using Operand = Pair;
  static constexpr int kDepth = 2;
  static constexpr int kGemmRows = kGemmRowsBf16;
  static GRADUS_INLINE Operand columns(const uint32_t* units) {
    return load_pair(reinterpret_cast<const uint16_t*>(units));
  }
  static GRADUS_INLINE Operand row(const uint32_t* unit) {
    return set_pair(reinterpret_cast<const uint16_t*>(unit));
  }
  static GRADUS_INLINE F16 dot_add(Operand a, Operand b, F16 c) { return dot(a, b, c); }
};

template <class Fn>
GRADUS_INLINE void with_step(Type packed, Fn fn) {
  if (packed == Type::f32) {
    fn(StepF32{});
  } else {
    fn(StepBf16{});
  }
}

}  // namespace
}  // namespace gradus::policy::kernels::GRADUS_ISA
