#include "rl/selection/pairs.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/json.h"
#include "rl/selection/selection.h"

namespace gradus::rl {
namespace {

using Rows = std::vector<const SampledRow*>;

struct PromptSamples {
  Rows right;
  Rows wrong;
};

double length_of_answer(const SampledRow& row) {
  const auto bytes = static_cast<int64_t>(row.response.size());
  return static_cast<double>(std::max<int64_t>(1, row.num_tokens >= 0 ? row.num_tokens : bytes));
}

double length_ratio(const SampledRow& left, const SampledRow& right) {
  const double a = length_of_answer(left);
  const double b = length_of_answer(right);
  return std::max(a, b) / std::min(a, b);
}

/// The n-th right answer against the n-th wrong one that is about as long and was not taken.
std::vector<std::pair<const SampledRow*, const SampledRow*>> right_and_wrong(
    const PromptSamples& samples, const PairConfig& config) {
  std::vector<std::pair<const SampledRow*, const SampledRow*>> pairs;
  std::set<const SampledRow*> taken;
  for (const SampledRow* right : samples.right) {
    if (config.most > 0 && std::ssize(pairs) >= config.most) break;
    const auto wrong = std::ranges::find_if(samples.wrong, [&](const SampledRow* row) {
      return !taken.contains(row) && length_ratio(*right, *row) <= config.max_length_ratio;
    });
    if (wrong == samples.wrong.end()) continue;
    taken.insert(*wrong);
    pairs.emplace_back(right, *wrong);
  }
  return pairs;
}

std::vector<std::pair<const SampledRow*, const SampledRow*>> short_and_long(
    const PromptSamples& samples, const PairConfig& config) {
  if (samples.right.size() < 2) return {};
  const auto is_shorter = [](const SampledRow* left, const SampledRow* right) {
    return length_of_answer(*left) < length_of_answer(*right);
  };
  const auto [shortest, longest] = std::ranges::minmax_element(samples.right, is_shorter);
  if (length_ratio(**shortest, **longest) < config.min_length_ratio) return {};
  return {{*shortest, *longest}};
}

nlohmann::json pair_row(const SampledRow& chosen, const SampledRow& rejected) {
  nlohmann::json row = chosen.columns;
  if (chosen.messages.is_null())
    row["prompt"] = chosen.prompt;
  else
    row["prompt"] = chosen.messages;
  row["chosen"] = chosen.response;
  row["rejected"] = rejected.response;
  row["source"] = chosen.source;
  row["provenance"] = {{"chosen", to_row(chosen)["provenance"]},
                       {"rejected", to_row(rejected)["provenance"]}};
  for (const char* key : {"messages", "response", "completion"}) row.erase(key);
  return row;
}

}  // namespace

void describe(PairConfig& c, SettingFields& field) {
  field("kind", c.kind,
        one_of<PairKind>(
            {{"right_wrong", PairKind::right_wrong}, {"long_to_short", PairKind::long_to_short}}),
        "right_wrong: a right answer against a wrong one; long_to_short: the shortest right one "
        "against the longest right one");
  field("most", c.most, at_least(0), "pairs of a prompt (right_wrong); 0: all");
  field("max_length_ratio", c.max_length_ratio, at_least(1.0),
        "tokens of the longer over the shorter answer at most (right_wrong)");
  field("min_length_ratio", c.min_length_ratio, at_least(1.0), "the same at least (long_to_short)");
}

std::string pair_rows(std::vector<SampledRow> samples, const PairConfig& config,
                      const SelectionConfig& select) {
  std::ranges::sort(samples, comes_before);
  note_statistics(samples, select);
  std::map<std::tuple<std::string, std::string, std::string>, PromptSamples> prompts;
  for (const SampledRow& row : samples) {
    if (row.finish == "length" || !is_graded(row)) continue;
    PromptSamples& of_prompt = prompts[{row.source, row.prompt_id, row.prompt}];
    (is_right(row, select) ? of_prompt.right : of_prompt.wrong).push_back(&row);
  }
  std::string lines;
  for (const auto& [prompt, of_prompt] : prompts) {
    const auto pairs = config.kind == PairKind::right_wrong ? right_and_wrong(of_prompt, config)
                                                            : short_and_long(of_prompt, config);
    for (const auto& [chosen, rejected] : pairs)
      if (chosen->response != rejected->response)
        lines += dump_json(pair_row(*chosen, *rejected)) + "\n";
  }
  return lines;
}

}  // namespace gradus::rl
