#include <ATen/TensorOperators.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>

#include "rl/algorithms/cases/case_tokens.h"
#include "rl/algorithms/controllers.h"
#include "rl/algorithms/kl/in_reward.h"
#include "rl/algorithms/kl/kl.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

AlgorithmConfig kl_config(CaseOptions& options) {
  return algorithm_of({{"kl_estimator", options.text("estimator", "")},
                       {"kl_gradient", options.text("gradient", "own")},
                       {"kl_coef", options.number("kl_coef")},
                       {"kl_max_log_ratio", options.number("max_log_ratio", 0.0)},
                       {"kl_max_value", options.number("max_value", 0.0)},
                       {"kl_max_importance_weight", options.number("max_importance_weight", 0.0)}});
}

json kl_in_reward_answer(Case& question) {
  const AlgorithmConfig config = kl_config(question.options);
  json rows = json::array();
  double sum = 0.0;
  double tokens = 0.0;
  const auto rewards = list_of(question.inputs.at("rewards"));
  for (size_t i = 0; i < rewards.size(); ++i) {
    const auto old = list_of(question.inputs.at("old_logprobs").at(i));
    const auto live = question.has("mask")
                          ? question.inputs["mask"].at(i).get<std::vector<uint8_t>>()
                          : std::vector<uint8_t>(old.size(), 1);
    const auto penalties =
        kl_penalties(old, list_of(question.inputs.at("reference_logprobs").at(i)), config);
    rows.push_back(token_rewards(rewards[i], penalties, live, old.size()));
    for (size_t t = 0; t < live.size(); ++t) {
      if (live[t] == 0) continue;
      sum += config.kl_coef > 0.0 ? penalties[t] / config.kl_coef : 0.0;
      tokens += 1.0;
    }
  }
  return {{"token_rewards", rows}, {"metrics", {{"kl", tokens > 0.0 ? sum / tokens : 0.0}}}};
}

json adaptive_answer(Case& question) {
  double coef = question.options.number("kl_coef");
  const KlControllerConfig config{question.options.number("target"),
                                  question.options.number("horizon")};
  const auto kl = list_of(question.inputs.at("kl"));
  const auto samples = list_of(question.inputs.at("samples"));
  json coefficients = json::array();
  for (size_t i = 0; i < kl.size(); ++i)
    coefficients.push_back(coef = next_kl_coef(coef, kl[i], samples.at(i), config));
  return {{"coefficients", coefficients}};
}

json entropy_answer(Case& question) {
  CaseOptions& options = question.options;
  const EntropyControllerConfig config{options.number("target"), options.number("delta"),
                                       options.number("min"), options.number("max")};
  EntropyState state{options.number("entropy_coef"), config.target};
  json applied = json::array();
  json coefficients = json::array();
  for (const double entropy : list_of(question.inputs.at("entropy"))) {
    applied.push_back(state.applied(config));
    state.update(entropy, config);
    coefficients.push_back(state.coef);
  }
  return {{"coefficients", coefficients}, {"applied", applied}};
}

json kl_answer(Case& question) {
  if (question.algorithm == "kl_in_reward") return kl_in_reward_answer(question);
  if (question.algorithm == "adaptive_controller") return adaptive_answer(question);
  if (question.algorithm == "entropy_controller") return entropy_answer(question);
  const AlgorithmConfig config = kl_config(question.options);
  CaseTokens tokens(question, "logprobs");
  const auto logprobs = tokens.leaf("logprobs");
  const auto masked = [&](const at::Tensor& values) {
    return values.masked_fill(~tokens.is_live(), 0.0);
  };
  const auto old = question.has("old_logprobs") ? tokens.values("old_logprobs") : logprobs.detach();
  const KlTerms terms =
      kl_terms(masked(logprobs), masked(old), masked(tokens.values("reference_logprobs")),
               kl_estimators().at(config.kl_estimator), config.kl_gradient, kl_bounds(config));
  const auto weights = tokens.weights(question.options);
  const auto loss = (masked(terms.loss) * config.kl_coef * weights).to(at::kDouble).sum();
  loss.backward();
  return {{"loss", loss.item<double>()},
          {"grad", tokens.ragged(logprobs.grad())},
          {"metrics", {{"kl", tokens.live_mean(terms.loss)}}}};
}

}  // namespace

extern const CaseFamily kKlCases;
const CaseFamily kKlCases{"kl", kl_answer};

}  // namespace gradus::rl
