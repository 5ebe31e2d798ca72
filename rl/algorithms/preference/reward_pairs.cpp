#include "rl/algorithms/preference/reward_pairs.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/mean.h>

#include "rl/algorithms/preference/preference.h"

namespace gradus::rl {

at::Tensor reward_pair_loss(const at::Tensor& chosen, const at::Tensor& rejected,
                            const at::Tensor& margins, double center_coef) {
  auto gap_P = chosen - rejected;
  if (margins.defined()) gap_P = gap_P - margins;
  auto loss = negative_log_sigmoid(gap_P).mean();
  if (center_coef > 0.0) {
    const auto sum_P = chosen + rejected;
    loss = loss + (sum_P * sum_P).mean() * center_coef;
  }
  return loss;
}

}  // namespace gradus::rl
