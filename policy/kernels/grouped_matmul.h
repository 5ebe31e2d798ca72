#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "policy/kernels/matmul.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// Rows [begin, end) of a grouped product and the matrix that they meet: an expert's.
struct MatmulGroup {
  int64_t begin = 0;
  int64_t end = 0;
  const PackedMatrix* b = nullptr;
};

/// C[begin, end) (+)= A[begin, end) B of every group, as one operation: the team shares tasks
/// (group, block of rows, columns). Rows in no group are not touched. A row's bits are matmul's:
/// they depend on that row and its B alone.
///
/// @param a  [M, K] float32 or bf16.  @param c  [M, N] float32 or bf16.
/// @throws gradus::ArgumentError  as matmul, and rows outside of A.
void grouped_matmul(ThreadTeam& team, ConstMatrix a, std::span<const MatmulGroup> groups, Matrix c,
                    bool accumulate = false);

struct GradientGroup {
  int64_t begin = 0;
  int64_t end = 0;
  Matrix c;  ///< [M, N] float32
};

/// C (+)= A[begin, end)^T B[begin, end) of every group, as one operation, each as
/// matmul_transposed: weight gradients of experts.
///
/// @param a  [T, M].  @param b  [T, N].
void grouped_matmul_transposed(ThreadTeam& team, ConstMatrix a, ConstMatrix b,
                               std::span<const GradientGroup> groups, bool accumulate,
                               Type compute);

/// Packs several matrices as one operation: out[i] from w[i].
void pack_matrices(ThreadTeam& team, std::span<const ConstMatrix> w, PackedMatrix::Source source,
                   Type packed, std::span<PackedMatrix> out);

}  // namespace gradus::policy::kernels
