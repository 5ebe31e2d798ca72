#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/exp.h>

#include <algorithm>
#include <vector>

#include "rl/algorithms/losses/covariance.h"

namespace gradus::rl {
namespace {

/// Settings `rl.kl_cov.*`.
struct KlCovSettings {
  double cov_ratio = 2e-4;
  double kl_coef = 0.1;
};

void describe(KlCovSettings& c, SettingFields& field) {
  field("cov_ratio", c.cov_ratio, between(0.0, 1.0),
        "share of a microbatch's tokens, those of largest covariance, that are held back");
  field("kl_coef", c.kl_coef, at_least(0.0), "weight of |lp - lp_old| there");
}

std::vector<int64_t> largest(const LossInputs& in, double share) {
  const auto cov_S = covariances(in).to(at::kDouble).contiguous();
  const auto live_S = in.is_live.contiguous();
  const double* cov = cov_S.const_data_ptr<double>();
  std::vector<int64_t> tokens;
  for (int64_t s = 0; s < cov_S.numel(); ++s)
    if (live_S.const_data_ptr<bool>()[s]) tokens.push_back(s);
  const auto wanted =
      std::min<size_t>(tokens.size(), static_cast<size_t>(share_of_live(in, share)));
  std::stable_sort(tokens.begin(), tokens.end(),
                   [&](int64_t a, int64_t b) { return cov[a] > cov[b]; });
  tokens.resize(wanted);
  return tokens;
}

/// KL-Cov (arXiv:2505.22617): L = -r A, and kl_coef |lp - lp_old| more at the max(1,
/// floor(cov_ratio T)) live tokens of largest covariance.
LossTerms kl_cov_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<KlCovSettings>("kl_cov");
  const auto log_ratio_S = log_ratios(in, config);
  const auto is_held_S = marked(largest(in, own.cov_ratio), in.logprobs);
  const auto penalty_S = log_ratio_S.abs().masked_fill(~is_held_S, 0.0) * own.kl_coef;
  return without_clipping(penalty_S - log_ratio_S.exp() * in.advantages);
}

}  // namespace

extern const PolicyLoss kKlCov;
const PolicyLoss kKlCov{"kl_cov", "the ratio, with tokens of large covariance held back",
                        [] { return OwnSettings::of(KlCovSettings{}); }, kl_cov_loss};

}  // namespace gradus::rl
