#include <ATen/TensorOperators.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/masked_select.h>

#include <algorithm>

#include "rl/algorithms/cases/case_tokens.h"
#include "rl/algorithms/mismatch/mismatch.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

constexpr double kNoBound = 1e300;

json rejection_answer(Case& question, const CaseTokens& tokens, const LossInputs& in) {
  const AlgorithmConfig config = algorithm_of({{"rejection", question.options.value("rules")}});
  const auto kept = ~rejected_tokens(
      {in.old_logprobs, in.rollout_logprobs, in.is_live, in.sequence, in.num_sequences},
      config.rejection);
  return {{"kept", tokens.ragged(kept)}, {"metrics", {{"kept_fraction", tokens.live_mean(kept)}}}};
}

json comparison(const CaseTokens& tokens, const LossInputs& in) {
  SamplerComparison compared;
  compared.add(in.old_logprobs.masked_select(tokens.is_live()),
               in.rollout_logprobs.masked_select(tokens.is_live()));
  Metrics metrics;
  compared.report(metrics);
  if (!metrics.contains("sampling/k3")) return json::object();
  // Values of completions stand at each of their tokens.
  const auto rollout_S = sampler_logprobs(in);
  const auto d_S = (in.old_logprobs - rollout_S).masked_fill(~in.is_live, 0.0);
  const auto sum_S = sequence_sum(d_S, in.sequence, in.num_sequences).index_select(0, in.sequence);
  const auto trainer_S = (-sequence_means(in.old_logprobs, in)).exp();
  const auto sampler_S = (-sequence_means(rollout_S, in)).exp();
  return {{"k3", metrics.at("sampling/k3")},
          {"ess", metrics.at("sampling/ess")},
          {"kl", -tokens.live_mean(d_S)},
          {"chi2_token", tokens.live_mean((d_S * 2.0).exp()) - 1.0},
          {"chi2_sequence", tokens.row_mean((sum_S * 2.0).exp()) - 1.0},
          {"trainer_perplexity", tokens.row_mean(trainer_S)},
          {"rollout_perplexity", tokens.row_mean(sampler_S)},
          {"perplexity_ratio", tokens.row_mean(trainer_S / sampler_S)}};
}

json settings_of_mismatch(CaseOptions& options) {
  const std::string mode = options.text("mode", "");
  json settings{{"mode", mode},
                {"max", options.number("max", kNoBound)},
                {"min", options.number("min", 0.0)},
                {"max_log_ratio", options.number("max_log_ratio", 0.0)},
                {"batch_normalize", options.flag("batch_normalize", false)}};
  json own = json::object();
  for (const char* key : {"weight", "metric", "level"}) {
    const json value = options.value(key);
    if (!value.is_null()) own[key] = value;
  }
  if (!own.empty()) settings[mode] = own;
  return {{"mismatch", settings}};
}

json mismatch_answer(Case& question) {
  CaseTokens tokens(question, "old_logprobs");
  const LossInputs in = tokens.loss_inputs();
  if (question.algorithm == "rejection") return rejection_answer(question, tokens, in);
  const bool compares = question.algorithm == "comparison_metrics";
  MismatchConfig config;
  if (compares) {
    config.mode = "token_truncate";
    config.max = kNoBound;
    config.max_log_ratio = 0.0;
  } else {
    config = algorithm_of(settings_of_mismatch(question.options)).mismatch;
  }
  const auto weights = mismatch_weights(in, in.rollout_logprobs, config);
  if (compares) return {{"weights", tokens.ragged(weights)}, {"metrics", comparison(tokens, in)}};
  const double mean = tokens.live_mean(weights);
  const double squares = tokens.live_mean(weights * weights);
  const auto kept = weights != 0.0;
  json metrics{{"weight_mean", mean}, {"kept_fraction", tokens.live_mean(kept)}};
  if (squares > 0.0) metrics["ess"] = mean * mean / squares;
  return {{"weights", tokens.ragged(weights)}, {"kept", tokens.ragged(kept)}, {"metrics", metrics}};
}

}  // namespace

extern const CaseFamily kMismatchCases;
const CaseFamily kMismatchCases{"mismatch", mismatch_answer};

}  // namespace gradus::rl
