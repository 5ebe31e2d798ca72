#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "base/settings/setting.h"

namespace gradus::rl {

/// A `[[rl.rejection]]` table: tokens, or whole completions, on which trainer and sampler differ by
/// more than a bound are rejected (verl's rollout_rs).
struct RejectionRule {
  std::string stat = "token_k1";
  double min = 0.0;
  double max = 2.0;
};

void describe(RejectionRule& c, SettingFields& field);

/// The same tokens by trainer and sampler. Shapes: S tokens.
struct ComparedTokens {
  at::Tensor trainer;   ///< [S] logprobs, without gradient
  at::Tensor rollout;   ///< [S], NaN: unknown, as if equal
  at::Tensor is_live;   ///< [S] bool
  at::Tensor sequence;  ///< [S] int64
  int64_t num_sequences = 0;
};

/// [S] bool: live tokens that one of the rules rejects. Statistics with d = lp_trainer -
/// lp_rollout:
///
///   k1  -d, within [log min, log max], that is rollout / trainer within [min, max]; min 0: 1 / max
///   k2  d^2 / 2, at most max         k3  e^d - 1 - d, d held in [-20, 20], at most max
///   token_  of the token;  seq_sum_, seq_mean_, seq_max_  of its completion's live tokens
at::Tensor rejected_tokens(const ComparedTokens& tokens, const std::vector<RejectionRule>& rules);

/// [S] bool: live tokens that M2PO (arXiv:2510.01161) leaves out: the fewest tokens of largest d^2
/// without which the mean of the rest is below the threshold; one token always stays.
at::Tensor distant_tokens(const ComparedTokens& tokens, double threshold);

struct AlgorithmConfig;

/// [S] bool: what rl.rejection (unless rl.loss applies it itself) and rl.m2_threshold take out.
at::Tensor filtered_tokens(const ComparedTokens& tokens, const AlgorithmConfig& config);

}  // namespace gradus::rl
