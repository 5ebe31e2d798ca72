#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "policy/kernels/attention.h"
#include "policy/kernels/matmul.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// A paged cache of latent attention (DeepSeek-V2, arXiv:2405.04434, 2.1): one entry of
/// latent_dim + rope_dim numbers per token, the normed latent and then the turned rope key, which
/// all heads share. As a KvLayout: one KV head without keys whose "value" is the entry, so that
/// kv_write and kv_read store and read entries with an empty k.
inline KvLayout latent_layout(int latent_dim, int rope_dim, Type type) {
  return {1, 0, latent_dim + rope_dim, type};
}

struct LatentShape {
  int heads = 0;
  int latent_dim = 0;  ///< the first numbers of an entry: the value
  int rope_dim = 0;    ///< latent_dim + rope_dim: the key
  float scale = 1.0F;
};

/// Attention in its absorbed form: every head's key is the whole entry, its value the latent.
///
///   out_h = sum_t softmax_t(q_h . entry_t * scale) latent_t
///
/// A row's bits depend on its query and on the entries before it, not on the batch, the block
/// numbers or the team: entries are read in chunks of 64 places counted from place 0, with a
/// running maximum, products and sums in float32. Places that hold no entry yet may hold anything.
///
/// @param q    [R, heads * (latent_dim + rope_dim)] float32 or bf16.
/// @param out  [R, heads * latent_dim] float32 or bf16.
/// @throws gradus::ArgumentError  shapes that do not fit the layer.
void latent_attention(ThreadTeam& team, ConstMatrix q, const KvLayer& layer,
                      std::span<const AttentionRow> rows, const LatentShape& shape, Matrix out);

/// One matrix product per head: columns [h * c_step, ...) of c become a_h B_h, where a_h is columns
/// [h * a_step, h * a_step + B_h.k()) of a. Rows are independent, as in `matmul`.
///
/// @throws gradus::ArgumentError  columns outside of a or c.
void matmul_heads(ThreadTeam& team, ConstMatrix a, int64_t a_step,
                  const std::vector<PackedMatrix>& heads, Matrix c, int64_t c_step);

}  // namespace gradus::policy::kernels
