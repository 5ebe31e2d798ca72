#include "rl/algorithms/advantages/advantage.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr double kNotScored = std::numeric_limits<double>::quiet_NaN();

/// The group's rewards with NaN in place of those of completions that nobody may train on.
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

void check_contributions(const Group& group) {
  bool is_whole = group.contributions.size() == group.terms.size();
  for (const auto& row : group.contributions) {
    is_whole = is_whole && row.size() == group.completions.size();
  }
  if (is_whole) return;
  throw ArgumentError(fmt::format(
      "prompt {}: {} rules' contributions for {} terms and {} completions; each pair needs one",
      group.prompt.id, group.contributions.size(), group.terms.size(), group.completions.size()));
}

std::vector<double> usable_values(const Group& group, size_t rule) {
  std::vector<double> values;
  for (size_t i = 0; i < group.completions.size(); ++i) {
    const bool is_usable = is_trainable(group.completions[i]);
    values.push_back(is_usable ? group.contributions[rule][i].value : kNotScored);
  }
  return values;
}

// Whitened over the batch; the groups' S have mean 0 but for what rules left out.
void assign_normalized(std::vector<Group>& groups, double std_floor) {
  std::vector<std::vector<double>> sums;
  std::vector<double> batch;
  for (const Group& group : groups) {
    sums.push_back(normalized_sums(group, std_floor));
    batch.insert(batch.end(), sums.back().begin(), sums.back().end());
  }
  const RewardMoments whole = reward_moments(batch);
  for (size_t g = 0; g < groups.size(); ++g) {
    auto& advantages = groups[g].advantages;
    advantages.assign(sums[g].size(), 0.0);
    if (reward_moments(sums[g]).all_equal) continue;
    for (size_t i = 0; i < advantages.size(); ++i) {
      if (std::isnan(sums[g][i])) continue;
      advantages[i] = (sums[g][i] - whole.mean) / (whole.std + std_floor);
    }
  }
}

}  // namespace

bool is_trainable(const rollout::Completion& completion) {
  using rollout::FinishReason;
  const bool has_ended =
      completion.finish == FinishReason::stop || completion.finish == FinishReason::length;
  return has_ended && !completion.tokens.empty();
}

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

std::vector<double> group_advantages(std::span<const double> rewards, const AlgorithmConfig& config,
                                     double batch_std) {
  const RewardMoments moments = reward_moments(rewards);
  std::vector<double> advantages(rewards.size(), 0.0);
  if (moments.all_equal) return advantages;
  double scale = 1.0;
  if (config.scale_rewards == ScaleRewards::group) scale = moments.std + config.std_floor;
  if (config.scale_rewards == ScaleRewards::batch) scale = batch_std + config.std_floor;
  for (size_t i = 0; i < rewards.size(); ++i) {
    if (!std::isnan(rewards[i])) advantages[i] = (rewards[i] - moments.mean) / scale;
  }
  return advantages;
}

std::vector<double> normalized_sums(const Group& group, double std_floor) {
  check_contributions(group);
  std::vector<double> sums(group.completions.size(), kNotScored);
  for (size_t k = 0; k < group.contributions.size(); ++k) {
    const auto values = usable_values(group, k);
    const RewardMoments moments = reward_moments(values);
    for (size_t i = 0; i < sums.size(); ++i) {
      if (std::isnan(values[i])) continue;
      const double z =
          moments.all_equal ? 0.0 : (values[i] - moments.mean) / (moments.std + std_floor);
      sums[i] = (std::isnan(sums[i]) ? 0.0 : sums[i]) + group.terms[k].weight * z;
    }
  }
  return sums;
}

void assign_advantages(std::vector<Group>& groups, const AlgorithmConfig& config) {
  if (config.combine_rewards == RewardCombination::normalize_then_sum) {
    return assign_normalized(groups, config.std_floor);
  }
  std::vector<std::vector<double>> rewards;
  std::vector<double> batch;
  for (const Group& group : groups) {
    rewards.push_back(usable_rewards(group));
    batch.insert(batch.end(), rewards.back().begin(), rewards.back().end());
  }
  const double batch_std = reward_moments(batch).std;
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].advantages = group_advantages(rewards[g], config, batch_std);
  }
}

bool has_signal(const Group& group, const AlgorithmConfig& config) {
  if (config.combine_rewards == RewardCombination::normalize_then_sum) {
    return !reward_moments(normalized_sums(group, config.std_floor)).all_equal;
  }
  return !reward_moments(usable_rewards(group)).all_equal;
}

}  // namespace gradus::rl
