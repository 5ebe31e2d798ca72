#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>

#include <utility>
#include <vector>

#include "base/random.h"
#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/losses/covariance.h"

namespace gradus::rl {
namespace {

/// Settings `rl.clip_cov.*`.
struct ClipCovSettings {
  double cov_ratio = 2e-4;
  double cov_low = 1.0;
  double cov_high = 5.0;
};

void describe(ClipCovSettings& c, SettingFields& field) {
  field("cov_ratio", c.cov_ratio, between(0.0, 1.0), "share of a microbatch's tokens left out");
  field("cov_low", c.cov_low, any(), "they are drawn from those whose covariance is above this");
  field("cov_high", c.cov_high, any(), "and below this");
}

std::vector<int64_t> candidates(const LossInputs& in, const LossTerms& terms,
                                const ClipCovSettings& own) {
  const auto cov_S = covariances(in);
  const auto is_one_S = (in.is_live & ~terms.is_clipped_low & ~terms.is_clipped_high &
                         (cov_S > own.cov_low) & (cov_S < own.cov_high))
                            .contiguous();
  const bool* is_one = is_one_S.const_data_ptr<bool>();
  std::vector<int64_t> tokens;
  for (int64_t s = 0; s < is_one_S.numel(); ++s)
    if (is_one[s]) tokens.push_back(s);
  return tokens;
}

/// Clip-Cov (arXiv:2505.22617): GRPO's loss, but tokens whose advantage and logprob vary together,
/// and that the clip does not bind, are left out: max(1, floor(cov_ratio T)) of them, by chance.
LossTerms clip_cov_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<ClipCovSettings>("clip_cov");
  LossTerms terms = clipped_token_loss(in, config);
  auto tokens = candidates(in, terms, own);
  const auto wanted = static_cast<size_t>(share_of_live(in, own.cov_ratio));
  RandomStream random(in.seed, hash_text("clip_cov"));
  for (size_t i = 0; i < wanted && i < tokens.size(); ++i) {
    const auto rest = static_cast<int64_t>(tokens.size() - i);
    std::swap(tokens[i], tokens[i + static_cast<size_t>(random.below(rest))]);
  }
  if (tokens.size() > wanted) tokens.resize(wanted);
  return dropping(std::move(terms), marked(tokens, in.logprobs));
}

}  // namespace

extern const PolicyLoss kClipCov;
const PolicyLoss kClipCov{"clip_cov", "grpo without some tokens of large covariance",
                          [] { return OwnSettings::of(ClipCovSettings{}); }, clip_cov_loss};

}  // namespace gradus::rl
