#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/where.h>

#include <limits>
#include <optional>
#include <string>
#include <utility>

#include "rl/algorithms/losses/clipped_loss.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

/// Settings `rl.decoupled_ppo.*`.
struct DecoupledPpoSettings {
  std::string level = "token";
  std::string action = "mask";
  std::string metric = "ratio";
  std::string agg = "mean";
  std::optional<double> lower;
  double upper = 5.0;
};

void describe(DecoupledPpoSettings& c, SettingFields& field) {
  field("level", c.level, one_of({"token", "sequence"}), "what the statistic is of");
  field("action", c.action, one_of({"mask", "clamp"}),
        "outside the bounds the weight is 0 (mask), or held within them (clamp)");
  field("metric", c.metric, one_of({"ratio", "kl_k1", "kl_k2", "kl_k3"}),
        "statistic of d = lp_old - lp_rollout: e^d, d, d^2/2, e^-d - 1 + d");
  field("agg", c.agg, one_of({"mean", "sum", "max"}),
        "how a completion's statistic is made of its tokens'; of the ratio in log space");
  field("lower", c.lower, any(), "lower bound of the statistic");
  field("upper", c.upper, positive(), "upper bound of the statistic");
}

at::Tensor statistic(const at::Tensor& d_S, const std::string& metric) {
  if (metric == "kl_k2") return d_S * d_S * 0.5;
  if (metric == "kl_k3") return (-d_S).expm1() + d_S;
  return d_S;  // of the ratio in log space
}

/// Of each completion, at its tokens.
at::Tensor aggregated(const at::Tensor& values_S, const std::string& agg, const LossInputs& in) {
  if (agg == "mean") return sequence_means(values_S, in);
  const auto sum_or_max_N =
      agg == "sum"
          ? sequence_sum(values_S.masked_fill(~in.is_live, 0.0), in.sequence, in.num_sequences)
          : sequence_max(values_S, in.is_live, in.sequence, in.num_sequences);
  return sum_or_max_N.index_select(0, in.sequence);
}

/// GRPO's loss against the policy at the start of the update, times the weight of that policy over
/// the one that sampled (AReaL, arXiv:2505.24298), which is filtered.
LossTerms decoupled_ppo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<DecoupledPpoSettings>("decoupled_ppo");
  LossTerms terms = clipped_token_loss(in, config);
  const auto old_S = in.old_logprobs.detach();
  const auto d_S =
      held((old_S - sampler_logprobs(in)).masked_fill(~in.is_live, 0.0), config.max_log_ratio);
  const bool is_ratio = own.metric == "ratio";
  const bool is_sequence = own.level == "sequence";
  auto statistic_S = statistic(d_S, own.metric);
  if (is_sequence) statistic_S = aggregated(statistic_S, own.agg, in);
  if (is_ratio) statistic_S = statistic_S.exp();
  auto weight_S = (is_ratio && is_sequence ? sequence_means(d_S, in) : d_S).exp();
  const double lower = own.lower.value_or(-std::numeric_limits<double>::infinity());
  const auto is_outside_S = ((statistic_S < lower) | (statistic_S > own.upper)) & in.is_live;
  if (own.action == "clamp") {
    weight_S =
        at::where(is_outside_S, weight_S.clamp(own.lower.value_or(0.0), own.upper), weight_S);
    terms.loss = terms.loss * weight_S;
    return terms;
  }
  terms.loss = terms.loss * weight_S;
  return dropping(std::move(terms), is_outside_S);
}

}  // namespace

extern const PolicyLoss kDecoupledPpo;
const PolicyLoss kDecoupledPpo{
    "decoupled_ppo", "grpo, weighed by the old policy over the sampler, filtered (AReaL)",
    [] { return OwnSettings::of(DecoupledPpoSettings{}); }, decoupled_ppo_loss};

}  // namespace gradus::rl
