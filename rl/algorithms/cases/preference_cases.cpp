#include <ATen/TensorOperators.h>
#include <ATen/ops/gt.h>
#include <ATen/ops/mean.h>
#include <fmt/format.h>

#include "base/error.h"
#include "rl/algorithms/cases/case_tokens.h"
#include "rl/algorithms/preference/preference.h"
#include "rl/algorithms/preference/reward_pairs.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

PreferenceLossConfig preference_config(CaseOptions& options) {
  json settings{{"losses", options.value("terms")},
                {"beta", options.number("beta", 0.1)},
                {"label_smoothing", options.number("label_smoothing", 0.0)}};
  const json weights = options.value("weights");
  if (!weights.is_null()) settings["weights"] = weights;
  const json per_token = options.value("per_token");
  if (!per_token.is_null()) settings["ipo"] = {{"per_token", per_token}};
  const json tau = options.value("discopop_tau");
  if (!tau.is_null()) settings["discopop"] = {{"tau", tau}};
  PreferenceLossConfig config;
  try {
    read_settings_json(config, settings, "options");
    check(config);
  } catch (const ConfigError& error) {
    throw Unsupported(error.what());
  }
  return config;
}

/// One side of the pairs: its tokens, the leaf and the sums.
struct Side {
  Side(const Case& question, const char* own, const char* reference, at::ScalarType dtype)
      : tokens(question, own),
        logprobs(tokens.leaf(own)),
        sum(sequence_sum(logprobs, tokens.sequence(), tokens.num_rows())),
        reference_sum(
            sequence_sum(tokens.values(reference), tokens.sequence(), tokens.num_rows())) {
    json lengths = tokens.lengths();
    num_tokens = list_tensor(lengths, dtype).clamp_min(1.0);
  }

  CaseTokens tokens;
  at::Tensor logprobs;
  at::Tensor sum;
  at::Tensor reference_sum;
  at::Tensor num_tokens;
};

double mean_of(const at::Tensor& values) {
  return values.detach().to(at::kDouble).mean().item<double>();
}

json preference_answer(Case& question) {
  const PreferenceLossConfig config = preference_config(question.options);
  const Side chosen(question, "chosen_logprobs", "reference_chosen_logprobs", question.dtype);
  const Side rejected(question, "rejected_logprobs", "reference_rejected_logprobs", question.dtype);
  const PairInputs pairs{chosen.sum,           rejected.sum,
                         chosen.reference_sum, rejected.reference_sum,
                         chosen.num_tokens,    rejected.num_tokens};
  const auto loss = preference_loss(pairs, config);
  loss.backward();
  const auto gradient = [](const Side& side) {
    const auto& grad = side.logprobs.grad();
    return side.tokens.ragged(grad.defined() ? grad : side.logprobs.detach() * 0.0);
  };
  const auto margin = pairs.difference() * config.beta;
  return {{"loss", loss.item<double>()},
          {"grad_chosen", gradient(chosen)},
          {"grad_rejected", gradient(rejected)},
          {"metrics",
           {{"rewards_chosen", mean_of(pairs.chosen_ratio() * config.beta)},
            {"rewards_rejected", mean_of(pairs.rejected_ratio() * config.beta)},
            {"rewards_margin", mean_of(margin)},
            {"accuracy", mean_of(margin > 0.0)}}}};
}

json reward_model_answer(Case& question) {
  if (question.algorithm != "pair_loss")
    throw Unsupported(fmt::format("there is no reward model loss \"{}\"", question.algorithm));
  const auto values = [&](const char* input) {
    return list_tensor(question.inputs.at(input), question.dtype).set_requires_grad(true);
  };
  const auto chosen = values("chosen_rewards");
  const auto rejected = values("rejected_rewards");
  at::Tensor margins;
  if (question.has("margins")) margins = list_tensor(question.inputs["margins"], question.dtype);
  const auto loss =
      reward_pair_loss(chosen, rejected, margins, question.options.number("center_coef", 0.0));
  loss.backward();
  const auto gap = chosen - rejected;
  return {{"loss", loss.item<double>()},
          {"grad_chosen", list_json(chosen.grad())},
          {"grad_rejected", list_json(rejected.grad())},
          {"metrics", {{"accuracy", mean_of(gap > 0.0)}, {"margin", mean_of(gap)}}}};
}

}  // namespace

extern const CaseFamily kPreferenceCases;
const CaseFamily kPreferenceCases{"preference", preference_answer};
extern const CaseFamily kRewardModelCases;
const CaseFamily kRewardModelCases{"reward_model", reward_model_answer};

}  // namespace gradus::rl
