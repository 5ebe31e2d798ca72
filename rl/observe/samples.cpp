#include "rl/observe/samples.h"

#include <cmath>

#include "rl/collect/grade_record.h"

namespace gradus::rl {
namespace {

using nlohmann::ordered_json;

ordered_json finite_or_null(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
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

std::string sample_lines(int64_t step, const std::vector<Group>& groups, size_t num_used,
                         const std::vector<std::string>& rule_names) {
  std::string lines;
  for (size_t g = 0; g < groups.size(); ++g)
    for (size_t i = 0; i < groups[g].completions.size(); ++i)
      lines += sample_json(step, groups[g], i, g < num_used, rule_names)
                   .dump(-1, ' ', false, ordered_json::error_handler_t::replace) +
               "\n";
  return lines;
}

}  // namespace gradus::rl
