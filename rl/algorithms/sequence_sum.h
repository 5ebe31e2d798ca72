#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace gradus::rl {

/// Sums of token values by completion, in the tokens' order, computed in double.
///
/// @param values    [S] float32, on the CPU.
/// @param sequence  [S] int64 in [0, num_sequences).
/// @return          [num_sequences] float32.
at::Tensor sequence_sum(const at::Tensor& values, const at::Tensor& sequence,
                        int64_t num_sequences);

}  // namespace gradus::rl
