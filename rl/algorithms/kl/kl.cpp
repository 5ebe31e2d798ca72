#include "rl/algorithms/kl/kl.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

KlBounds kl_bounds(const AlgorithmConfig& config) {
  return {config.kl_max_log_ratio, config.kl_max_value, config.max_log_ratio,
          config.kl_max_importance_weight};
}

KlTerms kl_terms(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                 const at::Tensor& reference_logprobs, const KlEstimator& estimator,
                 KlGradient gradient, const KlBounds& bounds) {
  const auto d_S = held(reference_logprobs - logprobs, bounds.max_log_ratio);
  const auto k_S = held(estimator.estimate(d_S), bounds.max_value);
  const auto ratio_S = held(logprobs - old_logprobs, bounds.max_ratio).exp();
  switch (gradient) {
    case KlGradient::ratio:
      return {ratio_S * k_S, k_S.detach()};
    case KlGradient::k2: {
      const auto k2_S = kl_estimators().at("k2").estimate(reference_logprobs - logprobs);
      auto slope_S = k2_S - k2_S.detach();
      if (bounds.max_importance_weight > 0.0)
        slope_S = slope_S * ratio_S.detach().clamp_max(bounds.max_importance_weight);
      return {slope_S + k_S.detach(), k_S.detach()};
    }
    case KlGradient::score:
      return {k_S * (logprobs - logprobs.detach()).exp(), k_S.detach()};
    case KlGradient::own:
      break;
  }
  return {k_S, k_S.detach()};
}

}  // namespace gradus::rl
