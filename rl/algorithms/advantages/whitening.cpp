#include "rl/algorithms/advantages/whitening.h"

#include <algorithm>
#include <cmath>

#include "rl/algorithms/advantages/advantage.h"

namespace gradus::rl {
namespace {

constexpr double kLeastVariance = 1e-8;

/// Calls `use` with the place of every live token.
template <class Use>
void for_live(const std::vector<Group>& groups, Use&& use) {
  for (size_t g = 0; g < groups.size(); ++g)
    for (size_t i = 0; i < groups[g].completions.size(); ++i) {
      if (!is_trainable(groups[g].completions[i])) continue;
      const auto live = live_tokens(groups[g].completions[i]);
      for (size_t t = 0; t < live.size(); ++t)
        if (live[t] != 0) use(g, i, t);
    }
}

}  // namespace

void describe(WhiteningSettings& c, SettingFields& field) {
  field("variance", c.variance, one_of({"unbiased", "biased"}),
        "of the whitening over the batch's tokens: n - 1 (verl) or n (OpenRLHF)");
}

TokenValues whitened(const std::vector<Group>& groups, const TokenValues& values,
                     const WhiteningSettings& settings) {
  double sum = 0.0;
  double n = 0.0;
  for_live(groups, [&](size_t g, size_t i, size_t t) {
    sum += values[g][i][t];
    n += 1.0;
  });
  const double mean = sum / std::max(1.0, n);
  double squares = 0.0;
  for_live(groups, [&](size_t g, size_t i, size_t t) {
    squares += (values[g][i][t] - mean) * (values[g][i][t] - mean);
  });
  const double scale = settings.variance == "biased"
                           ? std::sqrt(std::max(squares / std::max(1.0, n), kLeastVariance))
                           : std::sqrt(squares / std::max(1.0, n - 1.0) + kLeastVariance);
  TokenValues out;
  for (const auto& group : values) {
    auto& of_group = out.emplace_back();
    for (const auto& completion : group) of_group.emplace_back(completion.size(), 0.0);
  }
  for_live(groups,
           [&](size_t g, size_t i, size_t t) { out[g][i][t] = (values[g][i][t] - mean) / scale; });
  return out;
}

}  // namespace gradus::rl
