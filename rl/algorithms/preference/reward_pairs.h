#pragma once

#include <ATen/core/Tensor.h>

namespace gradus::rl {

/// The loss of a pairwise reward model (Bradley and Terry; InstructGPT, arXiv:2203.02155):
///
///   mean -log sigmoid(r_w - r_l - margin) + center_coef mean (r_w + r_l)^2
///
/// The second term keeps rewards around 0 (arXiv:2312.09244).
///
/// @param chosen, rejected  [P]; carry the gradient.
/// @param margins           [P], or undefined: 0.
/// @return                  scalar.
at::Tensor reward_pair_loss(const at::Tensor& chosen, const at::Tensor& rejected,
                            const at::Tensor& margins, double center_coef);

}  // namespace gradus::rl
