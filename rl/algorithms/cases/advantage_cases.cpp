#include <fmt/format.h>

#include <cmath>
#include <map>
#include <string>

#include "rl/algorithms/advantages/advantage.h"
#include "rl/algorithms/cases/case_tokens.h"
#include "rl/algorithms/kl/in_reward.h"

namespace gradus::rl {
namespace {

using nlohmann::json;

/// Of each algorithm: the value of rl.advantage, and its own options.
struct NamedAdvantage {
  std::string advantage;
  std::vector<std::string> own;
};

const std::map<std::string, NamedAdvantage> kNamedAdvantages{
    {"grpo", {"sum_then_normalize", {}}},
    {"gdpo", {"normalize_then_sum", {"final"}}},
    {"rloo", {"rloo", {"normalize"}}},
    {"reinforce_plus_plus", {"reinforce_plus_plus", {"gamma", "variance"}}},
    {"reinforce_plus_plus_baseline", {"reinforce_plus_plus_baseline", {"variance"}}},
    {"opo", {"opo", {}}},
    {"pass_at_k", {"pass_at_k", {"divide_by_std"}}},
    {"max_rl", {"max_rl", {}}},
    {"remax", {"remax", {}}},
    {"gpg", {"gpg", {}}}};

AlgorithmConfig advantage_config(Case& question) {
  const auto named = kNamedAdvantages.find(question.algorithm);
  if (named == kNamedAdvantages.end())
    throw Unsupported(fmt::format("there is no advantage \"{}\"", question.algorithm));
  CaseOptions& options = question.options;
  json settings{{"advantage", named->second.advantage}};
  for (const char* key : {"scale_rewards", "std_floor", "kl_coef"}) {
    const json value = options.value(key);
    if (!value.is_null()) settings[key] = value;
  }
  json own = json::object();
  for (const auto& key : named->second.own) {
    const json value = options.value(key);
    if (!value.is_null()) own[key] = value;
  }
  if (!own.empty()) settings[named->second.advantage] = own;
  json shaping = json::object();
  for (const char* key : {"output_weight", "input_weight", "turns_weight"}) {
    const json value = options.value(key);
    if (!value.is_null()) shaping[key] = value;
  }
  if (!shaping.empty()) {
    settings["length_shaping"] = shaping;
    settings["scale_rewards"] = "none";  // prime-rl's estimator divides by nothing
  }
  settings["kl_estimator"] = "k1";
  if (options.text("combine_rewards", settings["advantage"]) != settings["advantage"])
    throw Unsupported("combine_rewards and algorithm differ");
  return algorithm_of(settings);
}

/// Spans of a row's tokens, trained and not.
std::vector<rollout::Turn> turns_of(const std::vector<double>& mask) {
  std::vector<rollout::Turn> turns;
  for (size_t t = 0; t < mask.size(); ++t) {
    const bool is_trained = mask[t] != 0.0;
    if (turns.empty() || turns.back().is_trained != is_trained)
      turns.push_back({static_cast<int64_t>(t), static_cast<int64_t>(t), is_trained, ""});
    turns.back().end = static_cast<int64_t>(t) + 1;
  }
  return turns;
}

/// Where a row of the case stands among the groups.
struct Place {
  size_t group = 0;
  size_t completion = 0;
};

class CaseGroups {
 public:
  CaseGroups(const Case& question, const AlgorithmConfig& config) : question_(question) {
    const json& rewards = question.inputs.at("rewards");
    read_terms(rewards);
    std::map<std::string, size_t> index;
    for (size_t i = 0; i < rewards.size(); ++i) {
      const std::string name =
          question.has("group") ? question.inputs["group"].at(i).dump() : std::string();
      const auto [found, is_new] = index.emplace(name, groups.size());
      if (is_new) {
        groups.emplace_back().terms = terms_;
        groups.back().contributions.resize(terms_.size());
      }
      places.push_back({found->second, groups[found->second].completions.size()});
      add(i, rewards[i], groups[found->second], config);
    }
    for (Group& group : groups)
      group.rewards = rewards::weighted_sums(group.contributions, group.terms);
    if (!question.has("greedy_rewards")) return;
    const auto greedy = list_of(question.inputs["greedy_rewards"]);
    for (const auto& [name, g] : index) groups[g].greedy_reward = greedy.at(std::stoul(name));
  }

  std::vector<Group> groups;
  std::vector<Place> places;  ///< [row]

 private:
  void read_terms(const json& rewards) {
    const size_t num_rules = rewards.empty() || !rewards[0].is_array() ? 1 : rewards[0].size();
    terms_.resize(num_rules);
  }

  size_t length_of(size_t row) const {
    for (const char* input : {"mask", "old_logprobs"})
      if (question_.has(input)) return question_.inputs[input].at(row).size();
    if (question_.has("lengths"))
      return static_cast<size_t>(question_.inputs["lengths"].at(row).get<double>());
    return 1;
  }

  void add(size_t row, const json& reward, Group& group, const AlgorithmConfig& config) {
    rollout::Completion completion;
    completion.finish = rollout::FinishReason::stop;
    completion.tokens.assign(length_of(row), 0);
    if (question_.has("mask"))
      completion.turns = turns_of(list_of(question_.inputs["mask"].at(row)));
    const auto values = list_of(reward.is_array() ? reward : json::array({reward}));
    for (size_t k = 0; k < values.size(); ++k) group.contributions.at(k).push_back({values[k]});
    if (config.kl_coef > 0.0)
      group.penalties.push_back(
          kl_penalties(list_of(question_.inputs.at("old_logprobs").at(row)),
                       list_of(question_.inputs.at("reference_logprobs").at(row)), config));
    group.completions.push_back(std::move(completion));
  }

  const Case& question_;
  std::vector<rewards::RewardTerms> terms_;
};

void weigh(CaseGroups& rows, CaseOptions& options) {
  const json weights = options.value("weights");
  if (weights.is_null()) return;
  for (Group& group : rows.groups) {
    if (weights.size() != group.terms.size()) throw Unsupported("weights: one per rule is needed");
    for (size_t k = 0; k < group.terms.size(); ++k) group.terms[k].weight = weights[k];
    group.rewards = rewards::weighted_sums(group.contributions, group.terms);
  }
}

/// Sizes as the case gives them in place of those that completions have.
void shape_lengths(const Case& question, CaseGroups& rows, AlgorithmConfig& config) {
  if (!config.length_shaping.is_used()) return;
  const auto given = [&](const char* input) { return list_of(question.inputs.at(input)); };
  const auto output = given("output_tokens");
  const auto input = given("input_tokens");
  const auto turns = given("turns");
  for (size_t g = 0; g < rows.groups.size(); ++g) {
    std::vector<double> sizes[3];
    for (size_t i = 0; i < rows.places.size(); ++i) {
      if (rows.places[i].group != g) continue;
      sizes[0].push_back(output[i]);
      sizes[1].push_back(input[i]);
      sizes[2].push_back(turns[i]);
    }
    rows.groups[g].rewards = length_shaped(rows.groups[g].rewards, {sizes[0], sizes[1], sizes[2]},
                                           config.length_shaping);
  }
  config.length_shaping = {};
}

json returns_of(const CaseGroups& rows, double gamma) {
  json returns = json::array();
  for (const Place& place : rows.places) {
    const Group& group = rows.groups[place.group];
    const auto live = live_tokens(group.completions[place.completion]);
    const auto penalties = group.penalties.empty() ? std::span<const double>()
                                                   : std::span(group.penalties[place.completion]);
    returns.push_back(discounted_returns(
        token_rewards(group.rewards[place.completion], penalties, live, live.size()), live, gamma));
  }
  return returns;
}

json advantage_answer(Case& question) {
  AlgorithmConfig config = advantage_config(question);
  CaseGroups rows(question, config);
  weigh(rows, question.options);
  shape_lengths(question, rows, config);
  assign_advantages(rows.groups, config);
  json advantages = json::array();
  for (const Place& place : rows.places) {
    const Group& group = rows.groups[place.group];
    if (group.credit.empty())
      advantages.push_back(group.advantages[place.completion]);
    else
      advantages.push_back(group.credit[place.completion]);
  }
  json answer{{"advantages", advantages}};
  if (question.algorithm == "reinforce_plus_plus")
    answer["returns"] = returns_of(rows, question.options.number("gamma", 1.0));
  return answer;
}

}  // namespace

extern const CaseFamily kAdvantageCases;
const CaseFamily kAdvantageCases{"advantages", advantage_answer};

}  // namespace gradus::rl
