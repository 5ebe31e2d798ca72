#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// y = weight * (x / sqrt(mean(x^2) + eps)), in float32, rounded once to y's type.
/// @param x  [R, D].  @param weight  [D].  @param inv_rms  [R] for the backward pass; may be null.
void rms_norm(ThreadTeam& team, ConstMatrix x, const float* weight, float eps, Matrix y,
              float* inv_rms);

/// @param dx       [R, D]; overwritten, or added to when accumulate_dx.
/// @param dweight  [D] float32, added to; null: not wanted. Rows are summed in order.
void rms_norm_backward(ThreadTeam& team, ConstMatrix x, const float* weight, const float* inv_rms,
                       ConstMatrix dy, Matrix dx, bool accumulate_dx, float* dweight);

/// Rotary positions of `heads` heads of `head_dim`, of which the last `rope_dim` values are turned.
struct RopeShape {
  int heads = 0;
  int head_dim = 0;
  int rope_dim = 0;          ///< even; = head_dim unless latent attention
  bool interleaved = false;  ///< pairs (2i, 2i+1) instead of (i, i + rope_dim / 2)
};

/// Rotates x [R, heads * head_dim] in place: (a cos - b sin, b cos + a sin); inverse: by -angle
/// (its gradient).
/// @param cos, sin  [max_position, rope_dim / 2] float32; positions index their rows.
void rope(ThreadTeam& team, Matrix x, std::span<const int32_t> positions, const float* cos,
          const float* sin, const RopeShape& shape, bool inverse);

/// silu: x sigma(x). gelu_tanh: x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
enum class GateFunction { silu, gelu_tanh };

/// y = function(gate) * up, all [R, I].
void gate_mul(ThreadTeam& team, GateFunction function, ConstMatrix gate, ConstMatrix up, Matrix y);
void gate_mul_backward(ThreadTeam& team, GateFunction function, ConstMatrix gate, ConstMatrix up,
                       ConstMatrix dy, Matrix dgate, Matrix dup);

/// y[r] = table[ids[r]]. ids are checked by the caller.
void embedding(ThreadTeam& team, ConstMatrix table, std::span<const int64_t> ids, Matrix y);
/// dtable[ids[r]] += dy[r], rows in order. @param dtable [V, D] float32.
void embedding_backward(ThreadTeam& team, std::span<const int64_t> ids, ConstMatrix dy,
                        Matrix dtable);

}  // namespace gradus::policy::kernels
