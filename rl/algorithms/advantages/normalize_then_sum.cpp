#include <fmt/format.h>

#include <cmath>
#include <limits>

#include "base/error.h"
#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/advantages/whitening.h"

namespace gradus::rl {
namespace {

constexpr double kRuleDoesNotCount = std::numeric_limits<double>::quiet_NaN();

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
    values.push_back(is_usable ? group.contributions[rule][i].value : kRuleDoesNotCount);
  }
  return values;
}

}  // namespace

std::vector<double> normalized_sums(const Group& group, double std_floor) {
  check_contributions(group);
  std::vector<double> sums(group.completions.size(), kRuleDoesNotCount);
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

namespace {

/// Settings `rl.normalize_then_sum.*`.
struct NormalizeThenSumSettings {
  std::string final = "batch_std";
};

void describe(NormalizeThenSumSettings& c, SettingFields& field) {
  field("final", c.final, one_of({"batch_std", "token_whiten"}),
        "the sums are centred and divided over the batch's completions (TRL), or whitened over its "
        "tokens (verl)");
}

void whiten_over_tokens(std::vector<Group>& groups, const std::vector<std::vector<double>>& sums) {
  TokenValues values;
  for (size_t g = 0; g < groups.size(); ++g) {
    auto& of_group = values.emplace_back();
    for (size_t i = 0; i < sums[g].size(); ++i)
      of_group.emplace_back(groups[g].completions[i].tokens.size(),
                            std::isnan(sums[g][i]) ? 0.0 : sums[g][i]);
  }
  const TokenValues advantages = whitened(groups, values, {});
  for (size_t g = 0; g < groups.size(); ++g) {
    groups[g].advantages.assign(sums[g].size(), 0.0);
    for (size_t i = 0; i < sums[g].size(); ++i) {
      const auto live = live_tokens(groups[g].completions[i]);
      for (size_t t = 0; t < live.size() && !std::isnan(sums[g][i]); ++t)
        if (live[t] != 0) groups[g].advantages[i] = advantages[g][i][t];
    }
  }
}

/// A_i = (S_i - mean_batch(S)) / (std_batch(S) + std_floor), 0 in a group whose S are all equal.
// Whitened over the batch; the groups' S have mean 0 but for what rules left out.
void assign_normalized(std::vector<Group>& groups, const AlgorithmConfig& config) {
  const double std_floor = config.std_floor;
  std::vector<std::vector<double>> sums;
  std::vector<double> batch;
  for (const Group& group : groups) {
    sums.push_back(normalized_sums(group, std_floor));
    batch.insert(batch.end(), sums.back().begin(), sums.back().end());
  }
  if (config.advantages.of<NormalizeThenSumSettings>("normalize_then_sum").final == "token_whiten")
    return whiten_over_tokens(groups, sums);
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

bool has_unequal_sums(const Group& group, const AlgorithmConfig& config) {
  return !reward_moments(normalized_sums(group, config.std_floor)).all_equal;
}

}  // namespace

extern const AdvantageEstimator kNormalizeThenSum;
const AdvantageEstimator kNormalizeThenSum{
    "normalize_then_sum", "each rule is compared by itself, so that none drowns the others (GDPO)",
    assign_normalized, has_unequal_sums,
    [] { return OwnSettings::of(NormalizeThenSumSettings{}); }};

}  // namespace gradus::rl
