#include <algorithm>
#include <cmath>

#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/advantages/whitening.h"
#include "rl/algorithms/kl/in_reward.h"

namespace gradus::rl {

std::vector<double> discounted_returns(std::span<const double> rewards,
                                       const std::vector<uint8_t>& is_live, double gamma) {
  std::vector<double> returns(rewards.size(), 0.0);
  double next = 0.0;
  for (size_t t = rewards.size(); t-- > 0;) {
    if (is_live[t] == 0) continue;
    next = rewards[t] + gamma * next;
    returns[t] = next;
  }
  return returns;
}

namespace {

/// Settings `rl.reinforce_plus_plus.*`.
struct ReinforcePlusPlusSettings {
  double gamma = 1.0;
  WhiteningSettings whitening;
};

void describe(ReinforcePlusPlusSettings& c, SettingFields& field) {
  field("gamma", c.gamma, between(0.0, 1.0), "discount of the return, per live token");
  describe(c.whitening, field);
}

/// REINFORCE++ (arXiv:2501.03262): the reward at a completion's last token, less rl.kl_in_reward's
/// penalty at each; the discounted return of each token, whitened over the batch's. Tokens that are
/// not trained (tools' output) are passed over without discount.
void assign_reinforce_plus_plus(std::vector<Group>& groups, const AlgorithmConfig& config) {
  const auto& own = config.advantages.of<ReinforcePlusPlusSettings>("reinforce_plus_plus");
  TokenValues returns;
  for (const Group& group : groups) {
    auto& of_group = returns.emplace_back();
    for (size_t i = 0; i < group.completions.size(); ++i) {
      const auto live = live_tokens(group.completions[i]);
      const bool is_scored = !std::isnan(group.rewards[i]);
      const auto penalties =
          group.penalties.empty() ? std::span<const double>() : std::span(group.penalties[i]);
      const auto rewards =
          token_rewards(is_scored ? group.rewards[i] : 0.0, penalties, live, live.size());
      of_group.push_back(discounted_returns(rewards, live, own.gamma));
    }
  }
  const TokenValues advantages = whitened(groups, returns, own.whitening);
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].credit = advantages[g];
    groups[g].advantages.assign(groups[g].completions.size(), 0.0);
    for (size_t i = 0; i < groups[g].completions.size(); ++i)
      if (std::isnan(groups[g].rewards[i]))
        std::fill(groups[g].credit[i].begin(), groups[g].credit[i].end(), 0.0);
      else if (!groups[g].credit[i].empty())
        groups[g].advantages[i] = groups[g].credit[i].front();
  }
}

/// Against the batch, not the group: every group teaches something.
bool has_any_reward(const Group& group, const AlgorithmConfig&) {
  return num_scored(usable_rewards(group)) > 0;
}

}  // namespace

extern const AdvantageEstimator kReinforcePlusPlus;
const AdvantageEstimator kReinforcePlusPlus{
    "reinforce_plus_plus", "returns of tokens, whitened over the batch", assign_reinforce_plus_plus,
    has_any_reward, [] { return OwnSettings::of(ReinforcePlusPlusSettings{}); }};

}  // namespace gradus::rl
