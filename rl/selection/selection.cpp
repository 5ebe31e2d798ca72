#include "rl/selection/selection.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "base/json.h"
#include "rl/selection/row_filter.h"

namespace gradus::rl {
namespace {

/// The nearest of the sorted values that at least `percent` of them do not exceed.
int64_t percentile(const std::vector<int64_t>& sorted, double percent) {
  const double rank = std::ceil(percent / 100.0 * static_cast<double>(sorted.size()));
  const auto index = static_cast<size_t>(std::max(1.0, rank)) - 1;
  return sorted[std::min(index, sorted.size() - 1)];
}

void note_pass_rates(std::vector<SampledRow>& rows, const SelectionConfig& config) {
  std::map<std::pair<std::string, std::string>, std::pair<int64_t, int64_t>> prompts;
  for (const SampledRow& row : rows) {
    if (row.pass_rate || !is_graded(row)) continue;
    auto& [right, all] = prompts[{row.source, row.prompt_id}];
    right += is_right(row, config) ? 1 : 0;
    ++all;
  }
  for (SampledRow& row : rows) {
    if (row.pass_rate || !is_graded(row)) continue;
    const auto& [right, all] = prompts[{row.source, row.prompt_id}];
    row.pass_rate = static_cast<double>(right) / static_cast<double>(all);
    row.num_samples = all;
  }
}

void note_lengths(std::vector<SampledRow>& rows, const SelectionConfig& config) {
  std::map<std::string, std::vector<int64_t>> lengths;
  for (const SampledRow& row : rows)
    if (!row.length_range && row.num_tokens >= 0) lengths[row.source].push_back(row.num_tokens);
  for (auto& [source, sorted] : lengths) std::ranges::sort(sorted);
  for (SampledRow& row : rows) {
    if (row.length_range || row.num_tokens < 0) continue;
    const auto& sorted = lengths[row.source];
    const auto low = config.length_low > 0.0 ? percentile(sorted, config.length_low) : 0;
    row.length_range = {low, percentile(sorted, config.length_high)};
  }
}

}  // namespace

bool is_graded(const SampledRow& row) {
  return row.reward || !row.scores.empty();
}

bool is_right(const SampledRow& row, const SelectionConfig& config) {
  if (config.rule.empty()) return row.reward && *row.reward >= config.right_from;
  const auto score = row.scores.find(config.rule);
  return score != row.scores.end() && score->second >= config.right_from;
}

void note_statistics(std::vector<SampledRow>& rows, const SelectionConfig& config) {
  note_pass_rates(rows, config);
  note_lengths(rows, config);
}

Selection select_rows(std::vector<SampledRow> rows, const SelectionConfig& config,
                      const std::vector<std::string>& evaluation_prompts) {
  Selection selection;
  SelectionCounts& counts = selection.counts;
  counts.input = static_cast<int64_t>(rows.size());
  std::ranges::sort(rows, comes_before);
  note_statistics(rows, config);
  for (const RowFilter* filter : row_filters().records()) {
    const auto rest = std::ranges::stable_partition(
        rows, [&](const SampledRow& row) { return filter->keeps(row, config); });
    counts.dropped.emplace_back(filter->name, static_cast<int64_t>(rest.size()));
    rows.erase(rest.begin(), rest.end());
  }
  const Contamination evaluation(evaluation_prompts, config.ngram, config.short_ngram);
  counts.dropped.emplace_back("contaminated", std::erase_if(rows, [&](const SampledRow& row) {
                                return evaluation.holds(row);
                              }));
  counts.dropped.emplace_back("duplicate", drop_duplicates(rows));
  counts.dropped.emplace_back("similar", drop_similar(rows, config.max_similarity));
  counts.dropped.emplace_back("choice", drop_unchosen(rows, config));
  counts.kept = static_cast<int64_t>(rows.size());
  selection.rows = std::move(rows);
  return selection;
}

std::string prompt_rows(std::vector<SampledRow> samples, const SelectionConfig& config) {
  std::ranges::sort(samples, comes_before);
  note_statistics(samples, config);
  std::string lines;
  const SampledRow* before = nullptr;
  for (const SampledRow& row : samples) {
    const bool is_new = before == nullptr || before->source != row.source ||
                        before->prompt_id != row.prompt_id || before->prompt != row.prompt;
    before = &row;
    if (!is_new) continue;
    nlohmann::json json = row.columns;
    if (row.messages.is_null())
      json["prompt"] = row.prompt;
    else
      json["messages"] = row.messages;
    json["source"] = row.source;
    if (row.pass_rate) json["pass_rate"] = *row.pass_rate;
    json["num_samples"] = row.num_samples;
    lines += dump_json(json) + "\n";
  }
  return lines;
}

}  // namespace gradus::rl
