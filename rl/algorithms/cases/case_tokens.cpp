#include "rl/algorithms/cases/case_tokens.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/sum.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "base/error.h"
#include "rl/algorithms/sequence_sum.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

double number_of(const json& value) {
  return value.is_null()      ? std::numeric_limits<double>::quiet_NaN()
         : value.is_boolean() ? static_cast<double>(value.get<bool>())
                              : value.get<double>();
}

at::Tensor tensor_of(const std::vector<double>& values, at::ScalarType dtype) {
  const auto tensor = at::empty({static_cast<int64_t>(values.size())}, at::kDouble);
  std::copy(values.begin(), values.end(), tensor.mutable_data_ptr<double>());
  return tensor.to(dtype);
}

const json& input_of(const Case& question, const char* input) {
  if (!question.has(input)) throw Unsupported(fmt::format("there is no input {}", input));
  return question.inputs[input];
}

Aggregation aggregation_named(const std::string& name) {
  return algorithm_of({{"aggregation", name}}).aggregation;
}

}  // namespace

std::vector<double> list_of(const json& list) {
  std::vector<double> values;
  for (const auto& value : list) values.push_back(number_of(value));
  return values;
}

at::Tensor list_tensor(const json& list, at::ScalarType dtype) {
  return tensor_of(list_of(list), dtype);
}

json list_json(const at::Tensor& values) {
  const auto doubles = values.detach().to(at::kDouble).contiguous();
  const double* data = doubles.const_data_ptr<double>();
  return std::vector<double>(data, data + doubles.numel());
}

CaseTokens::CaseTokens(const Case& question, const char* shaped) : case_(question) {
  std::vector<double> live;
  std::vector<double> rows;
  const json& shape = input_of(question, shaped);
  const bool has_mask = question.has("mask");
  for (size_t i = 0; i < shape.size(); ++i) {
    lengths_.push_back(static_cast<int64_t>(shape[i].size()));
    for (size_t t = 0; t < shape[i].size(); ++t) {
      live.push_back(has_mask ? number_of(question.inputs["mask"].at(i).at(t)) : 1.0);
      rows.push_back(static_cast<double>(i));
    }
  }
  is_live_ = tensor_of(live, at::kDouble) != 0.0;
  sequence_ = tensor_of(rows, at::kLong);
}

at::Tensor CaseTokens::values(const char* input) const {
  const json& given = input_of(case_, input);
  std::vector<double> values;
  if (given.size() != lengths_.size())
    throw Unsupported(fmt::format("{} has {} rows, not {}", input, given.size(), lengths_.size()));
  for (size_t i = 0; i < given.size(); ++i) {
    const bool is_row = given[i].is_array();
    if (is_row && static_cast<int64_t>(given[i].size()) != lengths_[i])
      throw Unsupported(fmt::format("row {} of {} has {} tokens, not {}", i, input, given[i].size(),
                                    lengths_[i]));
    for (int64_t t = 0; t < lengths_[i]; ++t)
      values.push_back(number_of(is_row ? given[i][static_cast<size_t>(t)] : given[i]));
  }
  return tensor_of(values, case_.dtype);
}

at::Tensor CaseTokens::leaf(const char* input) const {
  return values(input).set_requires_grad(true);
}

void CaseTokens::mask_rows(const std::vector<double>& is_masked) {
  drop(tensor_of(is_masked, at::kDouble).index_select(0, sequence_) != 0.0);
}

void CaseTokens::drop(const at::Tensor& is_dropped) {
  is_live_ = is_live_ & ~is_dropped;
}

LossInputs CaseTokens::loss_inputs() const {
  LossInputs in;
  in.is_live = is_live_;
  in.sequence = sequence_;
  in.num_sequences = num_rows();
  if (case_.has("old_logprobs")) in.old_logprobs = values("old_logprobs");
  if (case_.has("advantages")) in.advantages = values("advantages");
  if (case_.has("rollout_logprobs")) in.rollout_logprobs = values("rollout_logprobs");
  if (case_.has("entropies")) in.entropies = values("entropies");
  if (case_.has("teacher_logprobs")) in.teacher_logprobs = values("teacher_logprobs");
  return in;
}

std::vector<int64_t> CaseTokens::live_by_row() const {
  std::vector<int64_t> live(lengths_.size(), 0);
  const auto flags = is_live_.contiguous();
  const bool* flag = flags.const_data_ptr<bool>();
  for (size_t i = 0; i < lengths_.size(); ++i)
    for (int64_t t = 0; t < lengths_[i]; ++t) live[i] += *flag++ ? 1 : 0;
  return live;
}

at::Tensor CaseTokens::weights(CaseOptions& options) const {
  const auto aggregation = aggregation_named(options.text("aggregation", "token_mean"));
  const auto live = live_by_row();
  Denominators denominators = count_denominators(live);
  std::map<std::string, int64_t> by_prompt;
  std::vector<std::string> prompts;
  for (size_t i = 0; i < live.size(); ++i) {
    prompts.push_back(case_.has("group") ? case_.inputs["group"].at(i).dump() : std::string());
    by_prompt[prompts.back()] += live[i];
  }
  for (const auto& [prompt, tokens] : by_prompt) denominators.num_prompts += tokens > 0 ? 1 : 0;
  const auto whole = [&](const char* key, int64_t counted) {
    return static_cast<int64_t>(options.number(key, static_cast<double>(counted)));
  };
  denominators.num_tokens = whole("global_tokens", denominators.num_tokens);
  denominators.num_sequences = whole("global_sequences", denominators.num_sequences);
  const auto constant_length = static_cast<int>(options.number("constant_length", 0.0));
  std::vector<double> weights;
  for (size_t i = 0; i < live.size(); ++i)
    weights.insert(weights.end(), static_cast<size_t>(lengths_[i]),
                   live[i] == 0
                       ? 0.0
                       : token_weight(aggregation, denominators,
                                      {live[i], by_prompt.at(prompts[i])}, constant_length));
  return tensor_of(weights, case_.dtype).masked_fill(~is_live_, 0.0);
}

json CaseTokens::ragged(const at::Tensor& values) const {
  const auto doubles = values.detach().to(at::kDouble).masked_fill(~is_live_, 0.0).contiguous();
  const double* next = doubles.const_data_ptr<double>();
  json rows = json::array();
  for (const int64_t length : lengths_) {
    rows.push_back(std::vector<double>(next, next + length));
    next += length;
  }
  return rows;
}

double CaseTokens::live_mean(const at::Tensor& values) const {
  const double sum =
      values.detach().to(at::kDouble).masked_fill(~is_live_, 0.0).sum().item<double>();
  return sum / static_cast<double>(std::max<int64_t>(1, num_live()));
}

double CaseTokens::row_mean(const at::Tensor& values) const {
  const auto live_N = sequence_sum(is_live_.to(at::kDouble), sequence_, num_rows()).clamp_min(1.0);
  const auto shares_S = is_live_.to(at::kDouble) / live_N.index_select(0, sequence_);
  const double sum =
      (values.detach().to(at::kDouble).masked_fill(~is_live_, 0.0) * shares_S).sum().item<double>();
  return sum / std::max(1.0, shares_S.sum().item<double>());
}

int64_t CaseTokens::num_live() const {
  return is_live_.sum().item<int64_t>();
}

AlgorithmConfig algorithm_of(const json& settings) {
  AlgorithmConfig config;
  config.max_log_ratio = config.kl_max_log_ratio = config.mismatch.max_log_ratio = 0.0;
  try {
    read_settings_json(config, settings, "options");
  } catch (const ConfigError& error) {
    throw Unsupported(error.what());
  }
  return config;
}

}  // namespace gradus::rl
