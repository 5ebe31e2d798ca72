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

at::Tensor clip_threshold(const TokenLossInputs& in, const std::string& name, double if_absent) {
  if (const auto given = in.given.find(name); given != in.given.end()) return given->second;
  const auto number = in.config.find(name);
  return at::full_like(in.logprobs.detach(),
                       number == in.config.end() ? if_absent : number->second);
}

at::Tensor ratios(const TokenLossInputs& in) {
  return (in.logprobs - in.given.at("logprobs")).exp();
}

}  // namespace gradus::service
