#include "rl/observe/samples.h"

#include <cmath>

#include "rl/collect/grade_record.h"

namespace gradus::rl {
namespace {

using nlohmann::ordered_json;

ordered_json finite_or_null(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

/// Six digits behind the point: files of long completions stay small.
template <class Values>
ordered_json rounded(const Values& values) {
  auto list = ordered_json::array();
  for (const double value : values) list.push_back(finite_or_null(std::round(value * 1e6) / 1e6));
  return list;
}

ordered_json masked_json(const rollout::Completion& completion) {
  auto spans = ordered_json::array();
  for (const auto& turn : completion.turns)
    if (!turn.is_trained)
      spans.push_back({{"begin", turn.begin}, {"end", turn.end}, {"reason", turn.reason}});
  return spans;
}

/// A text for each token; where a character is made of several, it stands at its last one.
ordered_json texts_json(const policy::Tokenizer& tokenizer, const std::vector<int32_t>& ids) {
  policy::StreamDecoder decoder(tokenizer);
  auto texts = ordered_json::array();
  for (const int32_t id : ids) texts.push_back(decoder.push(id));
  const std::string rest = decoder.finish();
  if (!rest.empty()) texts.back() = texts.back().get<std::string>() + rest;
  return texts;
}

ordered_json tokens_json(const Group& group, size_t g, size_t i, const SampledTokens& wanted) {
  const rollout::Completion& completion = group.completions[i];
  ordered_json tokens{{"ids", completion.tokens},
                      {"texts", texts_json(*wanted.tokenizer, completion.tokens)}};
  if (!completion.policy_logprobs.empty())
    tokens["rollout_logprobs"] = rounded(completion.policy_logprobs);
  if (wanted.figures != nullptr && g < wanted.figures->size()) {
    const TokenFigures& figures = wanted.figures->at(g).at(i);
    if (!figures.logprobs.empty()) tokens["logprobs"] = rounded(figures.logprobs);
    if (!figures.entropies.empty()) tokens["entropies"] = rounded(figures.entropies);
  }
  if (i < group.credit.size() && !group.credit[i].empty())
    tokens["advantages"] = rounded(group.credit[i]);
  auto masked = masked_json(completion);
  if (!masked.empty()) tokens["masked"] = std::move(masked);
  if (i == 0) tokens["prompt"] = group.prompt.tokens;
  return tokens;
}

ordered_json sample_json(int64_t step, const Group& group, size_t i, bool is_used,
                         const std::vector<std::string>& rule_names) {
  const rollout::Completion& completion = group.completions[i];
  ordered_json grades = ordered_json::object();
  for (size_t rule = 0; rule < rule_names.size(); ++rule)
    grades[rule_names[rule]] = grade_json(group.grades[rule][i]);
  return {{"step", step},
          {"prompt_id", group.prompt.id},
          {"index", completion.index},
          {"prompt", group.prompt.text},
          {"completion", completion.text},
          {"finish", finish_name(completion.finish)},
          {"error", completion.error},
          {"num_tokens", completion.tokens.size()},
          {"reward", finite_or_null(group.rewards[i])},
          {"advantage", finite_or_null(group.advantages[i])},
          {"is_used", is_used},
          {"grades", std::move(grades)}};
}

}  // namespace

SampledTokens sampled_tokens(const RunSettings& run, int64_t step,
                             const policy::Tokenizer& tokenizer,
                             const std::vector<std::vector<TokenFigures>>* figures) {
  if (run.samples_every == 0 || step % run.samples_every != 0) return {};
  return {static_cast<size_t>(run.sample_tokens), &tokenizer, figures};
}

std::string sample_lines(int64_t step, const std::vector<Group>& groups, size_t num_used,
                         const std::vector<std::string>& rule_names, const SampledTokens& tokens) {
  std::string lines;
  for (size_t g = 0; g < groups.size(); ++g) {
    for (size_t i = 0; i < groups[g].completions.size(); ++i) {
      auto sample = sample_json(step, groups[g], i, g < num_used, rule_names);
      if (g < tokens.num_groups) sample["tokens"] = tokens_json(groups[g], g, i, tokens);
      lines += sample.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
    }
  }
  return lines;
}

}  // namespace gradus::rl
