#pragma once

#include <ATen/core/Tensor.h>

#include <string_view>

#include "base/settings/registry.h"
#include "rl/algorithms/algorithm_config.h"

namespace gradus::rl {

/// One value of `rl.kl_estimator`: a per-token estimate of KL(policy || reference) from tokens that
/// the policy sampled. A new one is a file with its record and a line in records.inc.
struct KlEstimator {
  std::string_view name;
  std::string_view text;
  /// @param d  [S] lp_ref - lp, held. @return [S], differentiable in d.
  at::Tensor (*estimate)(const at::Tensor& d);
};

const Registry<KlEstimator>& kl_estimators();

struct KlTerms {
  at::Tensor loss;   ///< [S] what enters the loss; carries the gradient
  at::Tensor value;  ///< [S] the estimate, detached: the metric `kl`
};

/// Bounds of a KL term; 0: none.
struct KlBounds {
  double max_log_ratio = 20.0;         ///< of |d| in the estimate
  double max_value = 0.0;              ///< of |k|
  double max_ratio = 20.0;             ///< of |log r|
  double max_importance_weight = 0.0;  ///< of r, by which k2's gradient is weighed; 0: by 1
};

KlBounds kl_bounds(const AlgorithmConfig& config);

/// What of an estimate k enters the loss, by `gradient`, with r = exp(lp - lp_old):
///   ratio  r k              value r k; for k1 and k3 the exact gradient of the KL, off-policy too
///                           (DeepSeek-V3.2, arXiv:2512.02556; TRL's use_bias_correction_kl)
///   k2     sg(w) (k2 - sg(k2)) + sg(k)   exact on-policy (verl's suffix "+"); w is 1 or
///                           min(r, max_importance_weight) (OpenRLHF's unbiased_gradient)
///   score  k exp(lp - sg(lp))   value k, gradient k grad lp + grad k (NeMo-RL)
///   own    k                TRL's and GRPO's first form: k3's gradient is that of the reverse
///                           divergence KL(reference || policy), k1's has expectation 0
///
/// @param logprobs, old_logprobs, reference_logprobs  [S]; the first carries the gradient.
KlTerms kl_terms(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                 const at::Tensor& reference_logprobs, const KlEstimator& estimator,
                 KlGradient gradient, const KlBounds& bounds = {});

}  // namespace gradus::rl
