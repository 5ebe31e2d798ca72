#include "rl/algorithms/sequence_sum.h"

#include <ATen/ops/index_add.h>
#include <ATen/ops/zeros.h>

namespace gradus::rl {

at::Tensor sequence_sum(const at::Tensor& values, const at::Tensor& sequence,
                        int64_t num_sequences) {
  const auto zeros_N = at::zeros({num_sequences}, values.options().dtype(at::kDouble));
  return zeros_N.index_add(0, sequence, values.to(at::kDouble)).to(at::kFloat);
}

}  // namespace gradus::rl
