#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

/// -sum min(r A, clip(r, low, high) A), r = exp(p - q). The thresholds are ratios.
at::Tensor ppo_sum(const TokenLossInputs& in) {
  return clipped_sum(in, ratios(in));
}

}  // namespace

extern const TokenLoss kPpoLoss{"ppo", kPolicyInputs, kClipKeys, kClipKeys, ppo_sum};

}  // namespace gradus::service
