#include "rl/algorithms/algorithm_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/error.h"
#include "rl/algorithms/losses/policy_loss.h"
#include "rl/learn/optimizers/adamw_state.h"

namespace gradus::rl {
namespace {

void check_loss_name(const std::string& loss) {
  const auto names = policy_loss_names();
  if (std::find(names.begin(), names.end(), loss) != names.end()) return;
  throw ConfigError(
      fmt::format("rl.loss: is \"{}\", must be one of {}", loss, fmt::join(names, ", ")));
}

void check_bounds(const AlgorithmConfig& c) {
  if (c.dual_clip != 0.0 && c.dual_clip <= 1.0) {
    throw ConfigError(fmt::format(
        "rl.dual_clip: is {}, must be 0 (none) or above 1. At 1 or below it would hold back "
        "tokens whose ratio has not moved; try 3.",
        c.dual_clip));
  }
  if (c.delta != 0.0 && c.delta <= 1.0 + c.clip_ratio_high) {
    throw ConfigError(fmt::format(
        "rl.delta: is {}, must be 0 (none) or above 1 + rl.clip_ratio_high = {}; try {}", c.delta,
        1.0 + c.clip_ratio_high, 2.0 + 2.0 * c.clip_ratio_high));
  }
  if (c.mismatch.min > c.mismatch.max) {
    throw ConfigError(fmt::format("rl.mismatch.min: is {}, must be at most rl.mismatch.max = {}",
                                  c.mismatch.min, c.mismatch.max));
  }
}

void check_rewards(const AlgorithmConfig& c) {
  if (c.combine_rewards == RewardCombination::normalize_then_sum &&
      c.scale_rewards != ScaleRewards::group) {
    throw ConfigError(
        "rl.scale_rewards: must be group with rl.combine_rewards = normalize_then_sum, which "
        "divides each rule by its own deviation in the group, and the sum by the batch's");
  }
}

}  // namespace

void check(const AlgorithmConfig& config) {
  check_loss_name(config.loss);
  check_rewards(config);
  check_bounds(config);
  if (config.minibatches > config.prompts_per_step) {
    throw ConfigError(fmt::format(
        "rl.minibatches: is {}, must be at most rl.prompts_per_step = {}. A minibatch holds whole "
        "groups, at least one.",
        config.minibatches, config.prompts_per_step));
  }
}

void check(const OptimizerConfig& config) {
  find_adamw(config.kind);
  for (const auto& [name, beta] : {std::pair{"beta1", config.beta1}, {"beta2", config.beta2}}) {
    if (beta >= 1.0) {
      throw ConfigError(fmt::format(
          "optim.{}: is {}, must be below 1. At 1 the gradient would never be seen.", name, beta));
    }
  }
}

}  // namespace gradus::rl
