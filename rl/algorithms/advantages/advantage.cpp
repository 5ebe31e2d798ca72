#include "rl/algorithms/advantages/advantage.h"

#include <fmt/format.h>

#include <algorithm>
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
    if (group.penalties.empty()) continue;
    const auto live = live_tokens(group.completions[i]);
    for (size_t t = 0; t < group.penalties[i].size(); ++t)
      if (live[t] != 0) rewards[i] -= group.penalties[i][t];
  }
  return rewards;
}

std::vector<uint8_t> live_tokens(const rollout::Completion& completion) {
  std::vector<uint8_t> live(completion.tokens.size(), 1);
  for (const rollout::Turn& turn : completion.turns)
    if (!turn.is_trained) std::fill(live.begin() + turn.begin, live.begin() + turn.end, 0);
  return live;
}

bool has_unequal_rewards(const Group& group, const AlgorithmConfig&) {
  return !reward_moments(usable_rewards(group)).all_equal;
}

int num_scored(std::span<const double> rewards) {
  return static_cast<int>(
      std::count_if(rewards.begin(), rewards.end(), [](double r) { return !std::isnan(r); }));
}

void assign_by_group(
    std::vector<Group>& groups,
    const std::function<std::vector<double>(const Group&, std::span<const double>)>&
        advantages_of) {
  for (Group& group : groups) {
    const auto rewards = usable_rewards(group);
    group.advantages.assign(rewards.size(), 0.0);
    if (num_scored(rewards) < 2) continue;
    const auto advantages = advantages_of(group, rewards);
    for (size_t i = 0; i < rewards.size(); ++i)
      if (!std::isnan(rewards[i])) group.advantages[i] = advantages[i];
  }
}

RecordSettings default_advantage_settings() {
  return RecordSettings::defaults(advantage_estimators());
}

void assign_advantages(std::vector<Group>& groups, const AlgorithmConfig& config) {
  advantage_estimators().at(config.advantage).assign(groups, config);
}

bool has_signal(const Group& group, const AlgorithmConfig& config) {
  return advantage_estimators().at(config.advantage).has_signal(group, config);
}

}  // namespace gradus::rl
