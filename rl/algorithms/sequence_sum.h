#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gradus::rl {

/// Sums of token values by completion, in the tokens' order, computed in double.
///
/// @param values    [S] on the CPU.
/// @param sequence  [S] int64 in [0, num_sequences).
/// @return          [num_sequences] of the values' type.
at::Tensor sequence_sum(const at::Tensor& values, const at::Tensor& sequence,
                        int64_t num_sequences);

/// Largest values of live tokens by completion; 0 where none is live. Without gradient.
at::Tensor sequence_max(const at::Tensor& values, const at::Tensor& is_live,
                        const at::Tensor& sequence, int64_t num_sequences);

}  // namespace gradus::rl
