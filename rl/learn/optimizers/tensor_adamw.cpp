#include "rl/learn/optimizers/tensor_adamw.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/sqrt.h>

#include <cmath>

namespace gradus::rl {

void tensor_adamw_step(const at::Tensor& value, const at::Tensor& grad, const at::Tensor& exp_avg,
                       const at::Tensor& exp_avg_sq, const policy::kernels::AdamWStep& s) {
  const auto g = grad * s.grad_scale;
  const double correction1 = 1.0 - std::pow(static_cast<double>(s.beta1), s.step);
  const double correction2 = 1.0 - std::pow(static_cast<double>(s.beta2), s.step);
  value.mul_(1.0 - static_cast<double>(s.lr) * s.weight_decay);
  exp_avg.mul_(s.beta1).add_(g, 1.0 - s.beta1);
  exp_avg_sq.mul_(s.beta2).addcmul_(g, g, 1.0 - s.beta2);
  const auto denominator = (exp_avg_sq.sqrt() / std::sqrt(correction2)).add_(s.eps);
  value.addcdiv_(exp_avg, denominator, -static_cast<double>(s.lr) / correction1);
}

}  // namespace gradus::rl
