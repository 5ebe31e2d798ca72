#include "rl/algorithms/advantages/advantage.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr double kNotScored = std::numeric_limits<double>::quiet_NaN();

}  // namespace

RewardMoments reward_moments(std::span<const double> rewards) {
  RewardMoments moments;
  double sum = 0.0;
  double first = kNotScored;
  for (const double r : rewards) {
    if (std::isnan(r)) continue;
    if (std::isinf(r)) {
      throw ArgumentError("a reward is infinite; rewards must be finite, or NaN if not scored");
    }
    if (moments.count++ == 0) first = r;
    moments.all_equal = moments.all_equal && r == first;
    sum += r;
  }
  if (moments.count == 0) return moments;
  // Equal rewards have no deviation; n * r / n may differ from r by a rounding.
  moments.mean = moments.all_equal ? first : sum / moments.count;
  double squares = 0.0;
  for (const double r : rewards) {
    if (!std::isnan(r)) squares += (r - moments.mean) * (r - moments.mean);
  }
  if (moments.count > 1) moments.std = std::sqrt(squares / (moments.count - 1));
  return moments;
}

std::vector<double> usable_rewards(const Group& group) {
  if (group.rewards.size() != group.completions.size()) {
    throw ArgumentError(fmt::format(
        "prompt {}: {} rewards for {} completions; each completion needs one (NaN: not scored)",
        group.prompt.id, group.rewards.size(), group.completions.size()));
  }
  std::vector<double> rewards = group.rewards;
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!is_trainable(group.completions[i])) rewards[i] = kNotScored;
  }
  return rewards;
}

void assign_advantages(std::vector<Group>& groups, const AlgorithmConfig& config) {
  advantage_estimators().at(config.advantage).assign(groups, config);
}

bool has_signal(const Group& group, const AlgorithmConfig& config) {
  return advantage_estimators().at(config.advantage).has_signal(group, config);
}

}  // namespace gradus::rl
