#pragma once

#include <ATen/core/Tensor.h>

#include "rl/algorithms/algorithm_config.h"

namespace gradus::rl {

struct KlTerms {
  at::Tensor loss;   ///< [S] what enters the loss; carries the gradient
  at::Tensor value;  ///< [S] the estimate, detached: the metric `kl`
};

/// Per-token estimates of KL(policy || reference) from tokens that the policy sampled, with
/// d = lp_ref - lp held in [-20, 20] (Schulman, "Approximating KL divergence"):
///   k1 = -d      k2 = d^2 / 2      k3 = e^d - d - 1
///
/// What enters the loss, by `gradient`, with r = exp(lp - lp_old):
///   ratio  r k              value r k; for k1 and k3 the exact gradient of the KL, off-policy too
///                           (DeepSeek-V3.2, arXiv:2512.02556; TRL's use_bias_correction_kl)
///   k2     k2 - sg(k2) + sg(k)   exact on-policy (verl's suffix "+")
///   own    k                TRL's and GRPO's first form: k3's gradient is that of the reverse
///                           divergence KL(reference || policy), k1's has expectation 0
///
/// @param logprobs, old_logprobs, reference_logprobs  [S] float32; the first carries the gradient.
KlTerms kl_terms(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                 const at::Tensor& reference_logprobs, KlEstimator estimator, KlGradient gradient);

}  // namespace gradus::rl
