#include <ATen/TensorOperators.h>
#include <ATen/ops/abs.h>
#include <ATen/ops/exp.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "rl/algorithms/cases/case_tokens.h"
#include "rl/algorithms/objective.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

/// Of each algorithm: the value of rl.loss, and its own options with the settings that they are.
struct NamedLoss {
  std::string loss;
  std::vector<std::pair<const char*, const char*>> own;
};

const std::vector<std::pair<const char*, const char*>> kDivergenceOptions{
    {"mask_low", "mask_low"},
    {"mask_high", "mask_high"},
    {"ratio_cap", "ratio_cap"},
    {"surrogate", "surrogate"}};

const std::map<std::string, NamedLoss> kNamedLosses{
    {"ppo_clip", {"grpo", {}}},
    {"gspo", {"gspo", {{"max_sequence_log_ratio", "max_sequence_log_ratio"}}}},
    {"luspo", {"gspo", {{"max_sequence_log_ratio", "max_sequence_log_ratio"}}}},
    {"cispo", {"cispo", {}}},
    {"sapo",
     {"sapo",
      {{"tau_positive", "temperature_positive"}, {"tau_negative", "temperature_negative"}}}},
    {"gmpo", {"gmpo", {}}},
    {"vespo",
     {"vespo",
      {{"k_positive", "k_positive"},
       {"k_negative", "k_negative"},
       {"lambda_positive", "lambda_positive"},
       {"lambda_negative", "lambda_negative"}}}},
    {"dppo_tv", {"dppo_tv", kDivergenceOptions}},
    {"dppo_kl", {"dppo_kl", kDivergenceOptions}},
    {"prime_rl",
     {"prime_rl",
      {{"adv_tau", "adv_tau"},
       {"kl_tau", "kl_tau"},
       {"mask_low", "mask_low"},
       {"mask_high", "mask_high"},
       {"ipo_threshold", "ipo_threshold"}}}},
    {"clip_cov",
     {"clip_cov", {{"cov_ratio", "cov_ratio"}, {"cov_low", "cov_low"}, {"cov_high", "cov_high"}}}},
    {"kl_cov", {"kl_cov", {{"cov_ratio", "cov_ratio"}, {"kl_coef", "kl_coef"}}}},
    {"reinforce", {"reinforce", {}}},
    {"importance_sampling", {"importance_sampling", {}}},
    {"dro", {"dro", {{"beta", "beta"}}}},
    {"sequence_clip", {"sequence_clip", {}}},
    {"m2po", {"grpo", {}}},
    {"decoupled_ppo", {"decoupled_ppo", {}}},
    {"opsm", {"opsm", {{"delta_kl", "delta_kl"}}}},
    {"top_entropy", {"top_entropy", {{"top_entropy_quantile", "quantile"}}}},
    {"positive_nll", {"grpo", {}}},
    {"bypass", {"bypass", {{"loss_type", "loss_type"}, {"weight", "weight"}, {"max", "max"}}}},
    {"whole_objective", {"grpo", {}}}};

/// Options whose null means none: of these settings that is 0, or the default.
json own_settings(CaseOptions& options, const NamedLoss& named) {
  json own = json::object();
  for (const auto& [option, setting] : named.own) {
    const json value = options.value(option);
    if (!value.is_null()) own[setting] = value;
  }
  return own;
}

/// `mismatch` of a case by the settings of rl.mismatch.
json mismatch_settings(const json& given) {
  json settings{{"max_log_ratio", 0.0}, {"max", 1e300}};
  for (const auto& [key, value] : given.items()) {
    if (value.is_null()) continue;
    if (key == "denominator" && value != "all")
      throw Unsupported("mismatch.denominator: " + value.dump());
    if (key != "denominator") settings[key] = value;
  }
  return settings;
}

json kl_settings(const json& given) {
  json settings = json::object();
  static const std::map<std::string, std::string> kNames{{"estimator", "kl_estimator"},
                                                         {"gradient", "kl_gradient"},
                                                         {"kl_coef", "kl_coef"},
                                                         {"max_log_ratio", "kl_max_log_ratio"},
                                                         {"max_value", "kl_max_value"}};
  for (const auto& [key, value] : given.items()) {
    if (value.is_null()) continue;
    if (!kNames.contains(key)) throw Unsupported("kl." + key + " is not known here");
    settings[kNames.at(key)] = value;
  }
  return settings;
}

void take(CaseOptions& options, const char* option, json& settings, const char* setting) {
  const json value = options.value(option);
  if (!value.is_null()) settings[setting] = value;
}

json settings_of(Case& question, const NamedLoss& named) {
  CaseOptions& options = question.options;
  json settings{{"loss", named.loss}};
  json own = own_settings(options, named);
  for (const char* key : {"clip_ratio_low", "clip_ratio_high", "dual_clip", "delta",
                          "max_log_ratio", "m2_threshold", "entropy_coef", "mask_truncated"})
    take(options, key, settings, key);
  take(options, "nll_weight", settings, "positive_nll_coef");
  take(options, "rules", settings, "rejection");
  if (named.loss == "gspo" && !own.contains("max_sequence_log_ratio"))
    own["max_sequence_log_ratio"] = 0.0;
  if (named.own == kDivergenceOptions && !own.contains("ratio_cap")) own["ratio_cap"] = 0.0;
  if (question.algorithm == "bypass") settings["max_log_ratio"] = kMaxLogRatio;
  if (question.algorithm == "decoupled_ppo") own = options.value("behaviour");
  const json given = own;
  for (const auto& [key, value] : given.items())
    if (value.is_null()) own.erase(key);
  if (!own.empty()) settings[named.loss] = own;
  const json mismatch = options.value("mismatch");
  if (!mismatch.is_null()) settings["mismatch"] = mismatch_settings(mismatch);
  const json kl = options.value("kl");
  if (!kl.is_null()) settings.update(kl_settings(kl));
  return settings;
}

/// Filters take their tokens out of every count, or not, as rl.rejection_denominator says; what a
/// loss drops itself stays counted.
void check_denominator(const std::string& wanted, const AlgorithmConfig& config) {
  if (config.filters_tokens() || wanted == "all") return;
  throw Unsupported(fmt::format("denominator: is \"{}\", the program's is \"all\"", wanted));
}

json filter(CaseTokens& tokens, const LossInputs& in, const AlgorithmConfig& config) {
  if (!config.filters_tokens()) return json::object();
  const double before = static_cast<double>(tokens.num_live());
  tokens.drop(filtered_tokens(
      {in.old_logprobs, in.rollout_logprobs, in.is_live, in.sequence, in.num_sequences}, config));
  const double kept = static_cast<double>(tokens.num_live()) / std::max(1.0, before);
  return {{"kept_fraction", kept}, {"masked_fraction", 1.0 - kept}};
}

at::Tensor right_token_weights(const CaseTokens& tokens, double coef) {
  const auto is_right = tokens.values("correct");
  const double n =
      (is_right.to(at::kDouble) * tokens.is_live().to(at::kDouble)).sum().item<double>();
  return is_right * (coef / std::max(1.0, n));
}

json figures(const CaseTokens& tokens, const LossInputs& in, const ObjectiveTerms& out,
             const AlgorithmConfig& config) {
  json metrics = json::object();
  const auto log_ratio_S = log_ratios(in, config).detach();
  metrics["approx_kl"] = -tokens.live_mean(log_ratio_S);
  metrics["approx_kl_abs"] = tokens.live_mean(log_ratio_S.abs());
  metrics["ratio_mean"] = tokens.live_mean(log_ratio_S.exp());
  const double low = tokens.live_mean(out.terms.is_clipped_low);
  const double high = tokens.live_mean(out.terms.is_clipped_high);
  if (config.loss == "sequence_clip") {  // of completions
    metrics["clip_fraction_low"] = tokens.row_mean(out.terms.is_clipped_low);
    metrics["clip_fraction_high"] = tokens.row_mean(out.terms.is_clipped_high);
    return metrics;
  }
  metrics["clip_fraction_low"] = low;
  metrics["clip_fraction_high"] = high;
  metrics["clip_fraction"] = low + high;
  if (config.loss == "cispo") {
    const auto ratio_S = log_ratio_S.exp();
    metrics["clip_fraction"] = tokens.live_mean((ratio_S < 1.0 - config.clip_ratio_low) |
                                                (ratio_S > 1.0 + config.clip_ratio_high));
  }
  if (out.terms.is_dropped.defined()) {
    const double dropped = tokens.live_mean(out.terms.is_dropped);
    metrics["masked_fraction"] = metrics["filtered_fraction"] = dropped;
    metrics["kept_fraction"] = 1.0 - dropped;
  }
  if (out.kl_loss.defined()) metrics["kl"] = tokens.live_mean(out.kl_loss);
  if (config.dual_clip > 0.0)
    metrics["dual_clip_fraction"] =
        tokens.live_mean((log_ratio_S.exp() > config.dual_clip) & (in.advantages < 0.0));
  return metrics;
}

json policy_loss_answer(Case& question) {
  const auto named = kNamedLosses.find(question.algorithm);
  if (named == kNamedLosses.end())
    throw Unsupported(fmt::format("there is no policy loss \"{}\"", question.algorithm));
  const AlgorithmConfig config = algorithm_of(settings_of(question, named->second));
  const std::string denominator = question.options.text("denominator", "all");
  check_denominator(denominator, config);
  CaseTokens tokens(question, "logprobs");
  if (config.mask_truncated) tokens.mask_rows(list_of(question.inputs["truncated"]));
  ObjectiveInputs in;
  in.tokens = tokens.loss_inputs();
  if (!in.tokens.old_logprobs.defined()) in.tokens.old_logprobs = tokens.values("rollout_logprobs");
  in.tokens.logprobs = tokens.leaf("logprobs");
  if (denominator == "all") in.weights = tokens.weights(question.options);
  const json filtered = filter(tokens, in.tokens, config);
  in.tokens.is_live = tokens.is_live();
  if (denominator != "all") in.weights = tokens.weights(question.options);
  in.entropies = in.tokens.entropies;
  if (question.has("reference_logprobs"))
    in.reference_logprobs = tokens.values("reference_logprobs");
  if (config.positive_nll_coef > 0.0)
    in.right_weights = right_token_weights(tokens, config.positive_nll_coef);
  const ObjectiveTerms out = objective(in, config);
  out.loss.backward();
  const at::Tensor gradient = in.tokens.logprobs.grad();
  json metrics = figures(tokens, in.tokens, out, config);
  metrics.update(filtered);
  return {{"loss", out.loss.item<double>()},
          {"grad", tokens.ragged(gradient.defined() ? gradient : in.weights * 0.0)},
          {"metrics", metrics}};
}

json aggregation_answer(Case& question) {
  CaseTokens tokens(question, "token_losses");
  const auto losses = tokens.leaf("token_losses");
  if (question.options.text("aggregation", question.algorithm) != question.algorithm)
    throw Unsupported("aggregation and algorithm differ");
  const auto weights = tokens.weights(question.options);
  const auto loss = (losses.masked_fill(~tokens.is_live(), 0.0) * weights).to(at::kDouble).sum();
  loss.backward();
  return {{"loss", loss.item<double>()}, {"grad", tokens.ragged(losses.grad())}};
}

}  // namespace

extern const CaseFamily kPolicyLossCases;
const CaseFamily kPolicyLossCases{"policy_loss", policy_loss_answer};
extern const CaseFamily kAggregationCases;
const CaseFamily kAggregationCases{"aggregation", aggregation_answer};

}  // namespace gradus::rl
