#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

constexpr std::string_view kBeta[] = {"beta"};

/// -sum (p A - beta / 2 (p - q)^2); beta is 0.05 unless told.
at::Tensor dro_sum(const TokenLossInputs& in) {
  const auto found = in.config.find("beta");
  const double beta = found == in.config.end() ? 0.05 : found->second;
  const auto difference = in.logprobs - in.given.at("logprobs");
  return -(in.logprobs * in.given.at("advantages") - difference.square() * (0.5 * beta)).sum();
}

}  // namespace

extern const TokenLoss kDroLoss{"dro", kPolicyInputs, {}, kBeta, dro_sum};

}  // namespace gradus::service
