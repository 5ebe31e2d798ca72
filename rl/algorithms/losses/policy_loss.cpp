#include "rl/algorithms/losses/policy_loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/zeros_like.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <utility>

#include "base/error.h"

namespace gradus::rl {
namespace {

struct Entry {
  std::string_view name;
  PolicyLoss loss;
};

constexpr std::array kPolicyLosses = {
    Entry{"grpo", grpo_loss}, Entry{"gspo", gspo_loss},           Entry{"cispo", cispo_loss},
    Entry{"sapo", sapo_loss}, Entry{"reinforce", reinforce_loss},
};

}  // namespace

PolicyLoss find_policy_loss(std::string_view name) {
  for (const Entry& entry : kPolicyLosses) {
    if (entry.name == name) return entry.loss;
  }
  throw ConfigError(fmt::format("rl.loss: is \"{}\", must be one of {}", name,
                                fmt::join(policy_loss_names(), ", ")));
}

std::vector<std::string> policy_loss_names() {
  std::vector<std::string> names;
  for (const Entry& entry : kPolicyLosses) names.emplace_back(entry.name);
  return names;
}

at::Tensor log_ratios(const LossInputs& in) {
  // Masked before exp: a token that is not live may be far off, and inf * 0 is nan.
  const auto difference_S = (in.logprobs - in.old_logprobs).masked_fill(~in.is_live, 0.0);
  return difference_S.clamp(-kMaxLogRatio, kMaxLogRatio);
}

LossTerms with_clip_report(at::Tensor loss, const at::Tensor& ratio, const at::Tensor& advantages,
                           const AlgorithmConfig& config) {
  const auto ratio_S = ratio.detach();
  return {std::move(loss), (ratio_S < 1.0 - config.clip_ratio_low) & (advantages < 0.0),
          (ratio_S > 1.0 + config.clip_ratio_high) & (advantages > 0.0)};
}

LossTerms without_clipping(at::Tensor loss) {
  const auto nothing_S = at::zeros_like(loss, loss.options().dtype(at::kBool).requires_grad(false));
  return {std::move(loss), nothing_S, nothing_S};
}

}  // namespace gradus::rl
