#include <algorithm>
#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {

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

std::vector<double> length_shaped(std::span<const double> rewards, const CompletionSizes& sizes,
                                  const LengthShapingConfig& config) {
  const double mean = reward_moments(rewards).mean;
  std::vector<double> shaped(rewards.begin(), rewards.end());
  const auto take = [&](std::span<const double> size, double weight) {
    const double largest = size.empty() ? 0.0 : *std::max_element(size.begin(), size.end());
    if (weight == 0.0 || largest <= 0.0) return;
    for (size_t i = 0; i < shaped.size(); ++i) shaped[i] -= mean * weight * size[i] / largest;
  };
  take(sizes.output, config.output_weight);
  take(sizes.input, config.input_weight);
  take(sizes.turns, config.turns_weight);
  return shaped;
}

namespace {

struct Sizes {
  double output = 0.0;
  double input = 0.0;
  double turns = 0.0;
};

/// Tokens that were sampled, tokens that were read (prompt and tools' output), and turns.
Sizes sizes_of(const Group& group, size_t index) {
  const rollout::Completion& completion = group.completions[index];
  Sizes sizes;
  const auto live = live_tokens(completion);
  for (const uint8_t is_live : live) (is_live != 0 ? sizes.output : sizes.input) += 1.0;
  sizes.input += static_cast<double>(group.prompt.tokens.size());
  for (const auto& turn : completion.turns) sizes.turns += turn.is_trained ? 1.0 : 0.0;
  sizes.turns = std::max(1.0, sizes.turns);
  return sizes;
}

std::vector<double> shaped_by_length(const Group& group, std::vector<double> rewards,
                                     const LengthShapingConfig& config) {
  if (!config.is_used()) return rewards;
  std::vector<double> output;
  std::vector<double> input;
  std::vector<double> turns;
  for (size_t i = 0; i < rewards.size(); ++i) {
    const Sizes sizes = sizes_of(group, i);
    output.push_back(sizes.output);
    input.push_back(sizes.input);
    turns.push_back(sizes.turns);
  }
  return length_shaped(rewards, {output, input, turns}, config);
}

void assign_by_sum(std::vector<Group>& groups, const AlgorithmConfig& config) {
  std::vector<std::vector<double>> rewards;
  std::vector<double> batch;
  for (const Group& group : groups) {
    rewards.push_back(shaped_by_length(group, usable_rewards(group), config.length_shaping));
    batch.insert(batch.end(), rewards.back().begin(), rewards.back().end());
  }
  const double batch_std = reward_moments(batch).std;
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].advantages = group_advantages(rewards[g], config, batch_std);
  }
}

}  // namespace

extern const AdvantageEstimator kSumThenNormalize;
const AdvantageEstimator kSumThenNormalize{"sum_then_normalize",
                                           "rules are summed and the sum compared within the group",
                                           assign_by_sum, has_unequal_rewards};

}  // namespace gradus::rl
