#include <ATen/TensorOperators.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>

#include <algorithm>

#include "rl/algorithms/cases/case_tokens.h"
#include "rl/algorithms/distillation/generalized_jsd.h"
#include "rl/algorithms/distillation/on_policy.h"
#include "rl/algorithms/objective.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

/// [R, V] from a list of rows.
at::Tensor matrix(const json& rows, at::ScalarType dtype) {
  json flat = json::array();
  for (const auto& row : rows) flat.insert(flat.end(), row.begin(), row.end());
  const auto R = static_cast<int64_t>(rows.size());
  return list_tensor(flat, dtype).reshape({R, R == 0 ? 0 : -1});
}

json rows_of_matrix(const at::Tensor& values) {
  json rows = json::array();
  for (int64_t r = 0; r < values.size(0); ++r) rows.push_back(list_json(values[r]));
  return rows;
}

json jsd_answer(Case& question) {
  JsdForm form;
  form.beta = question.options.number("beta");
  form.temperature = question.options.number("temperature", 1.0);
  form.top_k = static_cast<int64_t>(question.options.number("top_k", 0.0));
  const auto student = matrix(question.inputs.at("student_logits"), question.dtype);
  const auto teacher = matrix(question.inputs.at("teacher_logits"), question.dtype);
  student.set_requires_grad(true);
  at::Tensor is_live = at::ones({student.size(0)}, at::kBool);
  if (question.has("mask")) is_live = list_tensor(question.inputs["mask"], at::kDouble) != 0.0;
  const double n = static_cast<double>(std::max<int64_t>(1, is_live.sum().item<int64_t>()));
  const auto loss =
      generalized_jsd(student, teacher, form).masked_fill(~is_live, 0.0).to(at::kDouble).sum() / n;
  loss.backward();
  return {{"loss", loss.item<double>()}, {"grad", rows_of_matrix(student.grad())}};
}

json opd_advantage_answer(Case& question) {
  const double kl_coef = question.options.number("kl_coef");
  const double discount = question.options.number("discount", 0.0);
  const bool adds = question.options.flag("add_to_advantages", false);
  CaseTokens tokens(question, "old_logprobs");
  at::Tensor given;
  if (adds) given = tokens.values("advantages");
  json rows = json::array();
  int64_t first = 0;
  for (size_t i = 0; i < tokens.lengths().size(); ++i) {
    const int64_t length = tokens.lengths()[i];
    const auto old = list_of(question.inputs["old_logprobs"][i]);
    const auto teacher = list_of(question.inputs.at("teacher_logprobs").at(i));
    std::vector<double> advantages;
    if (adds) advantages = list_json(given.narrow(0, first, length)).get<std::vector<double>>();
    const auto live = list_of(list_json(tokens.is_live().narrow(0, first, length)));
    rows.push_back(distillation_advantages(old, teacher, advantages,
                                           std::vector<unsigned char>(live.begin(), live.end()),
                                           kl_coef, discount, 0.0));
    first += length;
  }
  const auto difference = tokens.values("old_logprobs") - tokens.values("teacher_logprobs");
  return {{"advantages", rows}, {"metrics", {{"teacher_kl", tokens.live_mean(difference)}}}};
}

json opd_loss_answer(Case& question) {
  json own = json::object();
  for (const char* key : {"mask_low", "kl_tau"}) {
    const json value = question.options.value(key);
    if (!value.is_null()) own[key] = value;
  }
  const AlgorithmConfig config =
      algorithm_of({{"loss", "opd"},
                    {"opd", own},
                    {"max_log_ratio", question.options.number("max_log_ratio", 0.0)}});
  CaseTokens tokens(question, "logprobs");
  ObjectiveInputs in;
  in.tokens = tokens.loss_inputs();
  in.tokens.logprobs = tokens.leaf("logprobs");
  in.weights = tokens.weights(question.options);
  const ObjectiveTerms out = objective(in, config);
  out.loss.backward();
  const auto difference = in.tokens.logprobs.detach() - in.tokens.teacher_logprobs;
  return {{"loss", out.loss.item<double>()},
          {"grad", tokens.ragged(in.tokens.logprobs.grad())},
          {"metrics",
           {{"teacher_kl", tokens.live_mean(difference)},
            {"masked_fraction", tokens.live_mean(out.terms.is_dropped)}}}};
}

json distillation_answer(Case& question) {
  if (question.algorithm == "generalized_jsd") return jsd_answer(question);
  if (question.algorithm == "opd_advantage") return opd_advantage_answer(question);
  if (question.algorithm == "opd_loss") return opd_loss_answer(question);
  throw Unsupported(fmt::format("there is no distillation \"{}\"", question.algorithm));
}

}  // namespace

extern const CaseFamily kDistillationCases;
const CaseFamily kDistillationCases{"distillation", distillation_answer};

}  // namespace gradus::rl
