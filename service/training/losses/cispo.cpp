#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

/// -sum sg(clip(r, low, high)) p A (arXiv:2506.13585); unless told, low is 0 and high 4.
at::Tensor cispo_sum(const TokenLossInputs& in) {
  const auto weight = clip(in, ratios(in).detach(), 0.0, 4.0);
  return -(weight * in.logprobs * in.given.at("advantages")).sum();
}

}  // namespace

extern const TokenLoss kCispoLoss{"cispo", kPolicyInputs, kClipKeys, kClipKeys, cispo_sum};

}  // namespace gradus::service
