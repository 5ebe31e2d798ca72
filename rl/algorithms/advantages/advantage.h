#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/settings/registry.h"
#include "rl/algorithms/algorithm_config.h"
#include "rl/collect/group.h"

namespace gradus::rl {

/// Mean and sample deviation (n - 1) of the rewards that are not NaN.
struct RewardMoments {
  int count = 0;
  double mean = 0.0;      ///< 0 when count is 0
  double std = 0.0;       ///< 0 when count < 2, and exactly 0 when all are equal
  bool all_equal = true;  ///< compared bit by bit, before any statistics
};

/// @throws gradus::ArgumentError  an infinite reward.
RewardMoments reward_moments(std::span<const double> rewards);

/// Advantages of one group's completions, relative to the group's mean reward.
///
///   A_i = (r_i - mean(r)) / scale
///   scale: group  std(r) + std_floor   (DeepSeekMath, arXiv:2402.03300, section 4.1; TRL)
///          batch  batch_std + std_floor
///          none   1                    (Dr. GRPO, arXiv:2503.20783)
///
/// A NaN reward (no rule could score the completion) is left out of mean and std and gets 0.
/// Equal rewards, and hence a group with one scored completion, give exactly 0.
///
/// @param rewards    [group] rewards of completions of one prompt.
/// @param batch_std  deviation over the whole batch; read for ScaleRewards::batch alone.
/// @return           [group] in the same order.
/// @throws gradus::ArgumentError  an infinite reward.
std::vector<double> group_advantages(std::span<const double> rewards, const AlgorithmConfig& config,
                                     double batch_std = 0.0);

/// How long the completions of a group are. Each [group].
struct CompletionSizes {
  std::span<const double> output;  ///< tokens sampled
  std::span<const double> input;   ///< tokens read: the prompt's, tools' output
  std::span<const double> turns;
};

/// Rewards less what length costs (prime-rl's linear length penalty):
///   R_i - mean(R) sum over k of weight_k x_ik / max over the group of x_k
std::vector<double> length_shaped(std::span<const double> rewards, const CompletionSizes& sizes,
                                  const LengthShapingConfig& config);

/// The group's completions by the sum of what each rule makes of them in comparison (GDPO,
/// arXiv:2601.05242; TRL's normalize_then_sum), v_ik = Group::contributions:
///
///   S_i = sum over rules k of  weight_k * (v_ik - mean_k) / (std_k + std_floor)
///
/// mean and std run over the completions for which rule k counts; where it does not, it is left
/// out. A rule whose values are all equal adds exactly 0.
///
/// @return  [group]; NaN where no rule counts, or for a completion that may not be trained on.
/// @throws gradus::ArgumentError  contributions and terms or completions that differ in number.
std::vector<double> normalized_sums(const Group& group, double std_floor);

/// One value of `rl.advantage`. A failed or aborted completion counts as not scored, whatever
/// stands in `rewards`. A new one is a file with its record and a line in records.inc.
struct AdvantageEstimator {
  std::string_view name;
  std::string_view text;
  /// Fills `advantages` of every group.
  /// @throws gradus::ArgumentError  a group whose rewards and completions differ in number.
  void (*assign)(std::vector<Group>& groups, const AlgorithmConfig& config);
  /// Whether the group can teach anything. Dynamic sampling keeps exactly these.
  bool (*has_signal)(const Group& group, const AlgorithmConfig& config);
  /// Defaults of its own settings, [rl.NAME]; null: it has none.
  OwnSettings (*own)() = nullptr;
  bool needs_greedy = false;  ///< reads Group::greedy_reward
};

const Registry<AdvantageEstimator>& advantage_estimators();

/// As `rl.advantage` says.
void assign_advantages(std::vector<Group>& groups, const AlgorithmConfig& config);
bool has_signal(const Group& group, const AlgorithmConfig& config = {});

/// At least two scored completions with unequal rewards.
bool has_unequal_rewards(const Group& group, const AlgorithmConfig& config);

/// Number of scored rewards.
int num_scored(std::span<const double> rewards);

/// Calls `advantages_of` with each group's usable rewards, for groups whose advantages depend on
/// nothing else. NaN rewards get 0, and so do all of a group with fewer than two scored ones.
void assign_by_group(
    std::vector<Group>& groups,
    const std::function<std::vector<double>(const Group& group, std::span<const double>)>&
        advantages_of);

/// Returns of a completion's tokens, G_t = r_t + gamma G_next, next the following live token; 0
/// where not live.
std::vector<double> discounted_returns(std::span<const double> rewards,
                                       const std::vector<uint8_t>& is_live, double gamma);

/// [tokens] 1 where a token is trained on; as Turn says.
std::vector<uint8_t> live_tokens(const rollout::Completion& completion);

/// [group] rewards with NaN in place of those of completions that nobody may train on, less the
/// penalties of their tokens, where there are any.
/// @throws gradus::ArgumentError  rewards and completions differ in number.
std::vector<double> usable_rewards(const Group& group);

}  // namespace gradus::rl
