#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/log.h>

#include "rl/algorithms/mismatch/mismatch.h"

namespace gradus::rl {
namespace {

constexpr double kLeastProbability = 1e-6;

/// Settings `rl.mismatch.divergence_mask.*`.
struct DivergenceMaskSettings {
  std::string metric = "binary_kl";
  std::string level = "token";
};

void describe(DivergenceMaskSettings& c, SettingFields& field) {
  field(
      "metric", c.metric, one_of({"tv", "binary_kl"}),
      "of the token's probabilities p (sampler) and q (trainer): |p - q|, or the KL of the choice "
      "between this token and the others");
  field("level", c.level, one_of({"token", "sequence"}), "of tokens, or the completion's mean");
}

at::Tensor divergence_weights(const at::Tensor& log_rho, const LossInputs& in,
                              const MismatchConfig& config) {
  const auto& own = config.corrections.of<DivergenceMaskSettings>("divergence_mask");
  const auto q_lp_S = in.old_logprobs.detach();
  const auto bounded = [](const at::Tensor& logprobs) {
    return logprobs.exp().clamp(kLeastProbability, 1.0 - kLeastProbability);
  };
  const auto p_S = bounded(q_lp_S - log_rho);
  const auto q_S = bounded(q_lp_S);
  auto value_S = own.metric == "tv"
                     ? (p_S - q_S).abs()
                     : p_S * (p_S / q_S).log() + (1.0 - p_S) * ((1.0 - p_S) / (1.0 - q_S)).log();
  if (own.level == "sequence") value_S = sequence_means(value_S, in);
  return without(token_ratio(log_rho, config), value_S > config.max);
}

}  // namespace

extern const MismatchCorrection kDivergenceMask;
const MismatchCorrection kDivergenceMask{
    "divergence_mask", "tokens or completions whose divergence is above max go", divergence_weights,
    [] { return OwnSettings::of(DivergenceMaskSettings{}); }};

}  // namespace gradus::rl
