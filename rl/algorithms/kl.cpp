#include "rl/algorithms/kl.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>

#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {
namespace {

at::Tensor estimate(const at::Tensor& d_S, KlEstimator estimator) {
  switch (estimator) {
    case KlEstimator::k1:
      return -d_S;
    case KlEstimator::k2:
      return d_S * d_S * 0.5;
    case KlEstimator::k3:
      break;
  }
  // expm1 keeps k3 from turning negative by rounding where d is near 0.
  return d_S.expm1() - d_S;
}

}  // namespace

KlTerms kl_terms(const at::Tensor& logprobs, const at::Tensor& old_logprobs,
                 const at::Tensor& reference_logprobs, KlEstimator estimator, KlGradient gradient) {
  const auto d_S = (reference_logprobs - logprobs).clamp(-kMaxLogRatio, kMaxLogRatio);
  const auto k_S = estimate(d_S, estimator);
  switch (gradient) {
    case KlGradient::ratio: {
      const auto ratio_S = (logprobs - old_logprobs).clamp(-kMaxLogRatio, kMaxLogRatio).exp();
      return {ratio_S * k_S, k_S.detach()};
    }
    case KlGradient::k2: {
      const auto k2_S = estimate(d_S, KlEstimator::k2);
      return {k2_S - k2_S.detach() + k_S.detach(), k_S.detach()};
    }
    case KlGradient::own:
      break;
  }
  return {k_S, k_S.detach()};
}

}  // namespace gradus::rl
