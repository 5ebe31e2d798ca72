#pragma once

#include <cstddef>
#include <memory>

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// The right side B [K, N] of C = A B, rearranged into panels that the microkernel streams.
///
/// Source: the panel scheme of Goto and van de Geijn (2008); for bf16 two neighbours of K lie
/// side by side, as vdpbf16ps wants them.
class PackedMatrix {
 public:
  enum class Source : uint8_t {
    rows_are_outputs,  ///< w is [N, K] as torch's Linear.weight: B is its transpose
    rows_are_inputs,   ///< w is [K, N]: B is w
  };

  /// Fills the panels from w; memory is kept when shape and type stay the same.
  /// @param w       float32 or bf16, any stride.
  /// @param packed  element type of the panels; float32 is rounded to nearest even for bf16.
  void pack(ThreadTeam& team, ConstMatrix w, Source source, Type packed);
  /// Takes w's shape and makes room for its panels, which the caller fills (pack_matrices).
  void* reserve(ConstMatrix w, Source source, Type packed);

  int64_t k() const { return k_; }
  int64_t n() const { return n_; }
  Type type() const { return type_; }
  size_t bytes() const { return bytes_; }
  const void* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(void* p) const;
  };
  std::unique_ptr<void, Free> data_;
  size_t bytes_ = 0;
  int64_t k_ = 0;
  int64_t n_ = 0;
  Type type_ = Type::f32;
};

struct MatmulOptions {
  const float* bias = nullptr;  ///< [N], added to every row
  bool accumulate = false;      ///< C += A B (C float32) instead of C = A B
};

/// C = A B (+ bias) with float32 accumulation.
///
/// Row i of C depends on row i of A and on B alone, summed over K in one fixed order: not on M, on
/// the row's place, on how rows were tiled, nor on the team's size. A sequence therefore gets the
/// same bits alone, in a batch, in prefill, in decode and in training.
///
/// @param a  [M, K] float32 or bf16; float32 is rounded to bf16 when B is bf16, which a bf16 A
/// needs.
/// @param c  [M, N] float32 or bf16.
void matmul(ThreadTeam& team, ConstMatrix a, const PackedMatrix& b, Matrix c,
            MatmulOptions options = {});

/// C [M, N] (+)= A^T B, for weight gradients: A [T, M], B [T, N], summed over T in order.
///
/// @param compute  bf16: both sides are rounded to bf16 before the products; sums are float32.
/// @param c        float32.
void matmul_transposed(ThreadTeam& team, ConstMatrix a, ConstMatrix b, Matrix c, bool accumulate,
                       Type compute);

/// The instruction set in use, e.g. "avx512_bf16", "avx512", "avx2", "generic".
const char* instruction_set();

}  // namespace gradus::policy::kernels
