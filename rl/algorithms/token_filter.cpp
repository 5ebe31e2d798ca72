#include "rl/algorithms/token_filter.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/clamp.h>
#include <ATen/ops/expm1.h>
#include <ATen/ops/isnan.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>

#include "rl/algorithms/algorithm_config.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

constexpr double kMostDifference = 20.0;

std::vector<std::string> statistic_names() {
  std::vector<std::string> names;
  for (const char* level : {"token", "seq_sum", "seq_mean", "seq_max"})
    for (const char* kind : {"k1", "k2", "k3"}) names.push_back(std::string(level) + "_" + kind);
  return names;
}

at::Tensor differences(const ComparedTokens& tokens) {
  const auto unknown_S = ~tokens.is_live | tokens.rollout.isnan();
  return (tokens.trainer - tokens.rollout).masked_fill(unknown_S, 0.0);
}

at::Tensor statistic_of(const at::Tensor& d_S, const std::string& kind) {
  if (kind == "k1") return -d_S;
  if (kind == "k2") return d_S * d_S * 0.5;
  const auto held_S = d_S.clamp(-kMostDifference, kMostDifference);
  return held_S.expm1() - held_S;
}

/// Of the level, at each token.
at::Tensor at_level(const at::Tensor& values_S, const std::string& level,
                    const ComparedTokens& tokens) {
  if (level == "token") return values_S;
  if (level == "seq_max")
    return sequence_max(values_S, tokens.is_live, tokens.sequence, tokens.num_sequences)
        .index_select(0, tokens.sequence);
  auto sum_N = sequence_sum(values_S.masked_fill(~tokens.is_live, 0.0), tokens.sequence,
                            tokens.num_sequences);
  if (level == "seq_mean")
    sum_N = sum_N / sequence_sum(tokens.is_live.to(values_S.scalar_type()), tokens.sequence,
                                 tokens.num_sequences)
                        .clamp_min(1.0);
  return sum_N.index_select(0, tokens.sequence);
}

at::Tensor fails(const at::Tensor& d_S, const RejectionRule& rule, const ComparedTokens& tokens) {
  const size_t at = rule.stat.rfind('_');
  const std::string kind = rule.stat.substr(at + 1);
  const auto value_S = at_level(statistic_of(d_S, kind), rule.stat.substr(0, at), tokens);
  if (kind != "k1") return value_S > rule.max;
  const double high = std::log(rule.max);
  const double low = rule.min > 0.0 ? std::log(rule.min) : -high;
  return (value_S < low) | (value_S > high);
}

}  // namespace

void describe(RejectionRule& c, SettingFields& field) {
  field("stat", c.stat, one_of(statistic_names()),
        "k1: sampler over trainer, within [min, max]; k2, k3: estimates of their divergence, at "
        "most max; of a token, or of a completion's sum, mean or maximum");
  field("min", c.min, at_least(0.0), "lower bound of k1; 0: 1 / max");
  field("max", c.max, positive(), "upper bound");
}

at::Tensor rejected_tokens(const ComparedTokens& tokens, const std::vector<RejectionRule>& rules) {
  auto rejected_S = at::zeros(tokens.is_live.sizes(), at::kBool);
  if (rules.empty()) return rejected_S;
  const auto d_S = differences(tokens);
  for (const RejectionRule& rule : rules) rejected_S = rejected_S | fails(d_S, rule, tokens);
  return rejected_S & tokens.is_live;
}

at::Tensor distant_tokens(const ComparedTokens& tokens, double threshold) {
  const auto d_S = differences(tokens).to(at::kDouble).contiguous();
  const auto live_S = tokens.is_live.contiguous();
  const auto dropped_S = at::zeros(tokens.is_live.sizes(), at::kBool);
  const double* d = d_S.const_data_ptr<double>();
  std::vector<int64_t> order;
  for (int64_t s = 0; s < d_S.numel(); ++s)
    if (live_S.const_data_ptr<bool>()[s]) order.push_back(s);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return d[a] * d[a] < d[b] * d[b]; });
  // The mean of the m smallest grows with m: the longest prefix below the threshold stays.
  double sum = 0.0;
  size_t kept = std::min<size_t>(1, order.size());
  for (size_t m = 0; m < order.size(); ++m) {
    sum += d[order[m]] * d[order[m]];
    if (sum / static_cast<double>(m + 1) < threshold) kept = m + 1;
  }
  bool* dropped = dropped_S.mutable_data_ptr<bool>();
  for (size_t m = kept; m < order.size(); ++m) dropped[order[m]] = true;
  return dropped_S;
}

at::Tensor filtered_tokens(const ComparedTokens& tokens, const AlgorithmConfig& config) {
  auto filtered_S = at::zeros(tokens.is_live.sizes(), at::kBool);
  if (config.loss != "bypass") filtered_S = filtered_S | rejected_tokens(tokens, config.rejection);
  if (config.m2_threshold > 0.0)
    filtered_S = filtered_S | distant_tokens(tokens, config.m2_threshold);
  return filtered_S;
}

}  // namespace gradus::rl
