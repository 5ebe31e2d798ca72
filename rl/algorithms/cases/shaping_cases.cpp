#include <fmt/format.h>

#include "rewards/scores/length_scores.h"
#include "rl/algorithms/cases/case_tokens.h"
#include "rl/collect/shaping.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

json overlong_answer(Case& question) {
  CaseOptions& options = question.options;
  const auto max_length = static_cast<int64_t>(options.number("max_length"));
  const auto buffer = static_cast<int64_t>(options.number("buffer"));
  const double factor = options.number("factor", 1.0);
  const bool has_floor = options.flag("floor", true);
  json penalties = json::array();
  for (const double length : list_of(question.inputs.at("lengths")))
    penalties.push_back(factor * rewards::soft_overlong_score(static_cast<int64_t>(length),
                                                              max_length, buffer, has_floor));
  return {{"penalties", penalties}};
}

json stop_answer(Case& question) {
  const double coef = question.options.number("coef");
  const auto given = list_of(question.inputs.at("rewards"));
  const auto truncated = list_of(question.inputs.at("truncated"));
  json rewards = json::array();
  for (size_t i = 0; i < given.size(); ++i)
    rewards.push_back(stop_properly(given[i], truncated.at(i) != 0.0, coef));
  return {{"rewards", rewards}};
}

json repetition_answer(Case& question) {
  const auto ngram = static_cast<int>(question.options.number("ngram"));
  const double penalty = question.options.number("penalty");
  json penalties = json::array();
  for (const auto& tokens : question.inputs.at("token_ids"))
    penalties.push_back(
        rewards::repetition_score(tokens.get<std::vector<int32_t>>(), ngram, penalty));
  return {{"penalties", penalties}};
}

json shaping_answer(Case& question) {
  if (question.algorithm == "soft_overlong") return overlong_answer(question);
  if (question.algorithm == "stop_properly") return stop_answer(question);
  if (question.algorithm == "repetition") return repetition_answer(question);
  throw Unsupported(fmt::format("there is no shaping \"{}\"", question.algorithm));
}

}  // namespace

extern const CaseFamily kShapingCases;
const CaseFamily kShapingCases{"shaping", shaping_answer};

}  // namespace gradus::rl
