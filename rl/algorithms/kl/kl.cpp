#include "rl/algorithms/kl/kl.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
KlTerms kl_terms(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                 const at::Tensor& reference_logprobs, const KlEstimator& estimator,
                 KlGradient gradient) {
  const auto d_S = (reference_logprobs - logprobs).clamp(-kMaxLogRatio, kMaxLogRatio);
  const auto k_S = estimator.estimate(d_S);
  switch (gradient) {
    case KlGradient::ratio: {
      const auto ratio_S = (logprobs - old_logprobs).clamp(-kMaxLogRatio, kMaxLogRatio).exp();
      return {ratio_S * k_S, k_S.detach()};
    }
    case KlGradient::k2: {
      const auto k2_S = kl_estimators().at("k2").estimate(d_S);
      return {k2_S - k2_S.detach() + k_S.detach(), k_S.detach()};
    }
    case KlGradient::own:
      break;
  }
  return {k_S, k_S.detach()};
}

}  // namespace gradus::rl
