#include "rl/algorithms/kl/in_reward.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <algorithm>

#include "rl/algorithms/kl/kl.h"
#include "rl/algorithms/losses/policy_loss.h"

namespace gradus::rl {

std::vector<double> kl_penalties(std::span<const double> old_logprobs,
                                 std::span<const double> reference_logprobs,
                                 const AlgorithmConfig& config) {
  const auto d_T = at::empty({static_cast<int64_t>(old_logprobs.size())}, at::kDouble);
  double* d = d_T.mutable_data_ptr<double>();
  for (size_t t = 0; t < old_logprobs.size(); ++t) d[t] = reference_logprobs[t] - old_logprobs[t];
  const auto k_T =
      held(kl_estimators().at(config.kl_estimator).estimate(held(d_T, config.kl_max_log_ratio)),
           config.kl_max_value) *
      config.kl_coef;
  const auto values_T = k_T.contiguous();
  const double* k = values_T.const_data_ptr<double>();
  return {k, k + values_T.numel()};
}

std::vector<double> token_rewards(double reward, std::span<const double> penalties,
                                  const std::vector<uint8_t>& is_live, size_t num_tokens) {
  std::vector<double> rewards(num_tokens, 0.0);
  const auto counts = [&](size_t t) { return is_live.empty() || is_live[t] != 0; };
  for (size_t t = 0; t < num_tokens && !penalties.empty(); ++t)
    if (counts(t)) rewards[t] = -penalties[t];
  for (size_t t = num_tokens; t-- > 0;)
    if (counts(t)) {
      rewards[t] += reward;
      break;
    }
  return rewards;
}

}  // namespace gradus::rl
