#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

/// -sum min(r A, clip(r, low, high) A), r = exp(p - q). The thresholds are ratios.
at::Tensor ppo_sum(const TokenLossInputs& in) {
  const auto ratio = ratios(in);
  const auto clipped =
      at::minimum(at::maximum(ratio, clip_threshold(in, "clip_low_threshold", 0.8)),
                  clip_threshold(in, "clip_high_threshold", 1.2));
  const auto& advantages = in.given.at("advantages");
  return -at::minimum(ratio * advantages, clipped * advantages).sum();
}

}  // namespace

extern const TokenLoss kPpoLoss{"ppo", kPolicyInputs, kClipKeys, kClipKeys, ppo_sum};

}  // namespace gradus::service
