#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

/// -sum exp(p - q) A.
at::Tensor importance_sampling_sum(const TokenLossInputs& in) {
  return -(ratios(in) * in.given.at("advantages")).sum();
}

}  // namespace

extern const TokenLoss kImportanceSamplingLoss{
    "importance_sampling", kPolicyInputs, {}, {}, importance_sampling_sum};

}  // namespace gradus::service
