#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

constexpr std::string_view kWeighted[] = {"weights"};

/// -sum w p; weights may be negative: a client's own loss C sends w = -dC/dp.
at::Tensor cross_entropy_sum(const TokenLossInputs& in) {
  return -(in.given.at("weights") * in.logprobs).sum();
}

}  // namespace

extern const TokenLoss kCrossEntropyLoss{"cross_entropy", kWeighted, {}, {}, cross_entropy_sum};

}  // namespace gradus::service
