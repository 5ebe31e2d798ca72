#include "rewards/graders/grader.h"

#include <algorithm>
#include <iterator>

#include "base/printable.h"
#include "rewards/graders/grader_record.h"

namespace gradus::rewards::graders {

#define GRADUS_RECORD(grader) extern const GraderRecord grader;
#include "rewards/graders/records.inc"
#undef GRADUS_RECORD

namespace {

constexpr const GraderRecord* kGraders[] = {
#define GRADUS_RECORD(grader) &grader,
#include "rewards/graders/records.inc"
#undef GRADUS_RECORD
};

using nlohmann::json;

json usage_json(const TokenUsage& usage) {
  return {{"prompt_tokens", usage.prompt_tokens},
          {"completion_tokens", usage.completion_tokens},
          {"cached_tokens", usage.cached_tokens},
          {"total_tokens", usage.prompt_tokens + usage.completion_tokens}};
}

TokenUsage total_of(const std::map<std::string, TokenUsage>& per_model) {
  TokenUsage total;
  for (const auto& [model, usage] : per_model) {
    total.prompt_tokens += usage.prompt_tokens;
    total.completion_tokens += usage.completion_tokens;
    total.cached_tokens += usage.cached_tokens;
  }
  return total;
}

}  // namespace

GraderScore score_of(double reward) {
  GraderScore score;
  score.reward = reward;
  return score;
}

GraderScore error_score(bool GraderErrors::*flag, std::string fault) {
  GraderScore score;
  score.errors.*flag = true;
  score.fault = std::move(fault);
  return score;
}

std::unique_ptr<Grader> make_grader(const json& spec, GraderServices& services,
                                    const std::string& where, GraderPlace place) {
  SpecReader reader(spec, where);
  std::vector<std::string> types;
  for (const GraderRecord* record : kGraders) {
    if (record->only_at.value_or(place) == place) types.emplace_back(record->type);
  }
  const std::string type = reader.choice("type", types);
  const std::string name = reader.text("name");
  const auto* const* chosen =
      std::find_if(std::begin(kGraders), std::end(kGraders),
                   [&](const auto* record) { return type == record->type; });
  return (*chosen)->make(reader, name, services);
}

json run_response(const Grader& grader, const GraderScore& score, double execution_time_s) {
  json per_model = json::object();
  for (const auto& [model, usage] : score.usage) per_model[model] = usage_json(usage);
  const json sub_rewards = score.sub_rewards;  // {} where there are none
  return {
      {"reward", score.reward},
      {"sub_rewards", sub_rewards},
      {"model_grader_token_usage_per_model", per_model},
      {"metadata",
       {{"name", grader.name()},
        {"type", grader.type()},
        {"errors", score.errors.to_json()},
        {"execution_time", execution_time_s},
        {"scores", sub_rewards},
        {"token_usage", score.usage.empty() ? json() : usage_json(total_of(score.usage))},
        {"sampled_model_name", score.sampled_model.empty() ? json() : json(score.sampled_model)}}}};
}

}  // namespace gradus::rewards::graders
