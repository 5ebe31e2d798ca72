#pragma once

#include <cstdint>
#include <span>

#include "base/parallel.h"
#include "policy/kernels/matrix.h"

namespace gradus::policy::kernels {

/// Of one row of logits z at inverse temperature b: the largest z, and log sum exp(b z).
struct SoftmaxStats {
  float max = 0.0F;
  float log_sum_exp = 0.0F;
};

/// The same bits wherever it is called from: the sampler and the trainer share it, so that their
/// logprobs of one token agree exactly when the logits do. A row without a finite logit gives NaN.
///
/// Sixteen sums take every sixteenth term each, over blocks of 1024 terms that are added in order;
/// the sixteen are added as a tree. The exponential is within 2 ulp.
SoftmaxStats softmax_stats(const float* logits, int64_t n, float inverse_temperature);

/// First index i with exp(b z_0 - lse) + ... + exp(b z_i - lse) > u; the last index with a
/// non-zero probability if rounding leaves none. u in [0, 1).
///
/// Terms are float32, summed in double: one by one within a block of 256, and the sum of a block
/// (float32, in the order above) once it is passed.
int64_t sample_index(const float* logits, int64_t n, float inverse_temperature, float log_sum_exp,
                     float u);

/// Rows' logprobs of their targets and entropies (nats), for logits [R, V] float32.
/// @param targets  [R], each in [0, V).
/// @param logprobs, entropies, log_sum_exp  [R]; entropies may be null.
void target_logprobs(ThreadTeam& team, ConstMatrix logits, std::span<const int64_t> targets,
                     float inverse_temperature, float* logprobs, float* entropies,
                     float* log_sum_exp);

/// Gradient with respect to the logits, written over them or into dlogits (float32 or bf16):
///   dz_j = b * (g_lp (1[j = target] - p_j) - g_H p_j (log p_j + H)).
/// @param dentropies, entropies  [R] or null.
void target_logprobs_backward(ThreadTeam& team, ConstMatrix logits,
                              std::span<const int64_t> targets, float inverse_temperature,
                              const float* log_sum_exp, const float* entropies,
                              const float* dlogprobs, const float* dentropies, Matrix dlogits);

}  // namespace gradus::policy::kernels
