#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/log.h>
#include <ATen/ops/where.h>

#include <cmath>

#include "rl/algorithms/losses/policy_loss.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

/// Settings `rl.vespo.*`.
struct VespoSettings {
  double k_positive = 2.0;
  double lambda_positive = 3.0;
  double k_negative = 3.0;
  double lambda_negative = 2.0;
};

void describe(VespoSettings& c, SettingFields& field) {
  field("k_positive", c.k_positive, at_least(0.0), "power of the weight where A >= 0");
  field("lambda_positive", c.lambda_positive, at_least(0.0), "its decay where A >= 0");
  field("k_negative", c.k_negative, at_least(0.0), "power of the weight where A < 0");
  field("lambda_negative", c.lambda_negative, at_least(0.0), "its decay where A < 0");
}

const double kLeastLogWeight = std::log(1e-8);

/// Variational sequence-level policy optimisation, as TRL has it: w is the completion's weight,
///   log w = hold(sum_t hold(lp - lp_old, +-20) + sum_t hold(log v_t)),  hold: [log 1e-8, 20]
///   L = -sg(exp(lambda + k log w - lambda w)) A lp
/// with rl.mismatch's weights v, and k and lambda by the sign of A.
LossTerms vespo_loss(const LossInputs& in, const AlgorithmConfig& config) {
  const auto& own = config.losses.of<VespoSettings>("vespo");
  const auto difference_S = (in.logprobs - in.old_logprobs).detach().masked_fill(~in.is_live, 0.0);
  auto parts_S = difference_S.clamp(-kMaxLogRatio, kMaxLogRatio);
  if (in.mismatch_weights.defined()) {
    const auto log_v_S = in.mismatch_weights.log().clamp(kLeastLogWeight, kMaxLogRatio);
    parts_S = parts_S + log_v_S.masked_fill(~in.is_live, 0.0);
  }
  const auto log_w_S = sequence_sum(parts_S, in.sequence, in.num_sequences)
                           .clamp(kLeastLogWeight, kMaxLogRatio)
                           .index_select(0, in.sequence);
  const auto by_sign = [&](double positive, double negative) {
    return at::where(in.advantages >= 0.0, at::full_like(log_w_S, positive),
                     at::full_like(log_w_S, negative));
  };
  const auto k_S = by_sign(own.k_positive, own.k_negative);
  const auto lambda_S = by_sign(own.lambda_positive, own.lambda_negative);
  const auto phi_S = (lambda_S + k_S * log_w_S - lambda_S * log_w_S.exp()).exp();
  return without_clipping(-(phi_S * in.advantages * in.logprobs));
}

}  // namespace

extern const PolicyLoss kVespo;
const PolicyLoss kVespo{"vespo",
                        "a smooth weight of the completion's ratio, mismatch's weights within",
                        [] { return OwnSettings::of(VespoSettings{}); }, vespo_loss, true};

}  // namespace gradus::rl
