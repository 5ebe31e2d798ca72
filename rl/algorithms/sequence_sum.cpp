#include "rl/algorithms/sequence_sum.h"

#include <ATen/ops/index_add.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <vector>

namespace gradus::rl {

at::Tensor sequence_sum(const at::Tensor& values, const at::Tensor& sequence,
                        int64_t num_sequences) {
  const auto zeros_N = at::zeros({num_sequences}, values.options().dtype(at::kDouble));
  return zeros_N.index_add(0, sequence, values.to(at::kDouble)).to(values.scalar_type());
}

at::Tensor sequence_max(const at::Tensor& values, const at::Tensor& is_live,
                        const at::Tensor& sequence, int64_t num_sequences) {
  const auto max_N = at::zeros({num_sequences}, at::kDouble);
  const auto values_S = values.detach().to(at::kDouble).contiguous();
  const auto live_S = is_live.contiguous();
  const auto sequence_S = sequence.contiguous();
  double* max = max_N.mutable_data_ptr<double>();
  std::vector<bool> has_any(static_cast<size_t>(num_sequences), false);
  for (int64_t s = 0; s < values_S.numel(); ++s) {
    if (!live_S.const_data_ptr<bool>()[s]) continue;
    const int64_t n = sequence_S.const_data_ptr<int64_t>()[s];
    const double value = values_S.const_data_ptr<double>()[s];
    max[n] = has_any[static_cast<size_t>(n)] ? std::max(max[n], value) : value;
    has_any[static_cast<size_t>(n)] = true;
  }
  return max_N.to(values.scalar_type());
}

}  // namespace gradus::rl
