#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/zeros.h>

#include "service/training/losses/token_loss.h"

namespace gradus::service {
namespace {

constexpr std::string_view kGspoInputs[] = {"sequence_ratio_mask", "clip_low_threshold",
                                            "clip_high_threshold"};

/// As ppo with the sequence's ratio: s = exp(mean over the mask of (p - q)), s_t = sg(s) p_t /
/// sg(p_t) in probabilities (arXiv:2507.18071): the sequence's value, the token's own gradient.
at::Tensor gspo_sum(const TokenLossInputs& in) {
  const auto given = in.given.find("sequence_ratio_mask");
  const auto mask = given == in.given.end() ? at::ones_like(in.logprobs.detach()) : given->second;
  const auto difference = (in.logprobs.detach() - in.given.at("logprobs")) * mask;
  const auto zeros = at::zeros({in.num_sequences}, difference.options());
  const auto sums = zeros.index_add(0, in.sequence, difference);
  const auto counts = zeros.index_add(0, in.sequence, mask).clamp_min(1.0);
  const auto log_ratio = (sums / counts).index_select(0, in.sequence);
  const auto ratio = (log_ratio + in.logprobs - in.logprobs.detach()).exp();
  return clipped_sum(in, ratio);
}

}  // namespace

extern const TokenLoss kGspoLoss{"gspo", kPolicyInputs, kGspoInputs, kClipKeys, gspo_sum};

}  // namespace gradus::service
