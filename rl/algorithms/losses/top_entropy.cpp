#include <ATen/TensorOperators.h>
#include <ATen/ops/masked_select.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "rl/algorithms/losses/clipped_loss.h"

namespace gradus::rl {
namespace {

/// Settings `rl.top_entropy.*`.
struct TopEntropySettings {
  double quantile = 0.2;
};

void describe(TopEntropySettings& c, SettingFields& field) {
  field("quantile", c.quantile, between(0.0, 1.0),
        "share of a microbatch's tokens, those of highest entropy, that are trained on");
}

/// The q-quantile by linear interpolation.
double quantile(const at::Tensor& values, double q) {
  const auto doubles = values.to(at::kDouble).contiguous();
  std::vector<double> sorted(doubles.const_data_ptr<double>(),
                             doubles.const_data_ptr<double>() + doubles.numel());
  if (sorted.empty()) return 0.0;
  std::sort(sorted.begin(), sorted.end());
  const double place = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(std::floor(place));
  const size_t above = std::min(below + 1, sorted.size() - 1);
  const double share = place - static_cast<double>(below);
  return sorted[below] + share * (sorted[above] - sorted[below]);
}

/// GRPO's loss on the tokens of high entropy alone (arXiv:2506.01939).
LossTerms top_entropy_loss(const LossInputs& in, const AlgorithmConfig& config) {
  if (!in.entropies.defined()) throw ArgumentError("top_entropy: there are no entropies");
  const double share = config.losses.of<TopEntropySettings>("top_entropy").quantile;
  const auto entropies_S = in.entropies.detach();
  const double least = quantile(entropies_S.masked_select(in.is_live), 1.0 - share);
  return dropping(clipped_token_loss(in, config), entropies_S.to(at::kDouble) < least);
}

}  // namespace

extern const PolicyLoss kTopEntropy;
const PolicyLoss kTopEntropy{"top_entropy", "grpo on the tokens of highest entropy alone",
                             [] { return OwnSettings::of(TopEntropySettings{}); },
                             top_entropy_loss};

}  // namespace gradus::rl
