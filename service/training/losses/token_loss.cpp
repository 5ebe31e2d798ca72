#include "service/training/losses/token_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full_like.h>

namespace gradus::service {

#define GRADUS_RECORD(loss) extern const TokenLoss loss;
#include "service/training/losses/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const TokenLoss* kTokenLosses[] = {
#define GRADUS_RECORD(loss) &loss,
#include "service/training/losses/records.inc"
#undef GRADUS_RECORD
};

/// A threshold of the ratio: the request's per-token values, its config's number, or the default.
at::Tensor clip_threshold(const TokenLossInputs& in, const std::string& name, double if_absent) {
  if (const auto given = in.given.find(name); given != in.given.end()) return given->second;
  const auto number = in.config.find(name);
  return at::full_like(in.logprobs.detach(),
                       number == in.config.end() ? if_absent : number->second);
}

}  // namespace

const TokenLoss* find_token_loss(std::string_view name) {
  for (const TokenLoss* loss : kTokenLosses)
    if (loss->name == name) return loss;
  return nullptr;
}

std::string token_loss_names() {
  std::string names;
  for (const TokenLoss* loss : kTokenLosses)
    names += (names.empty() ? "" : ", ") + std::string(loss->name);
  return names;
}

at::Tensor ratios(const TokenLossInputs& in) {
  return (in.logprobs - in.given.at("logprobs")).exp();
}

at::Tensor clip(const TokenLossInputs& in, const at::Tensor& ratio, double low, double high) {
  return at::minimum(at::maximum(ratio, clip_threshold(in, "clip_low_threshold", low)),
                     clip_threshold(in, "clip_high_threshold", high));
}

at::Tensor clipped_sum(const TokenLossInputs& in, const at::Tensor& ratio) {
  const auto& advantages = in.given.at("advantages");
  return -at::minimum(ratio * advantages, clip(in, ratio, 0.8, 1.2) * advantages).sum();
}

}  // namespace gradus::service
