#include "rl/selection/row_filter.h"
#include "rl/selection/selection.h"

namespace gradus::rl {
namespace {

// A rule that did not score the row has said nothing for it.
bool has_scores(const SampledRow& row, const SelectionConfig& config) {
  if (!is_graded(row)) return true;  // not sampled by Gradus
  for (const auto& [rule, least] : config.min_scores.items()) {
    const auto score = row.scores.find(rule);
    if (score == row.scores.end() || score->second < least.get<double>()) return false;
  }
  return true;
}

}  // namespace

extern const RowFilter kLowScoreFilter;
const RowFilter kLowScoreFilter{"low_score", "a rule of min_scores gave less, or nothing",
                                has_scores};

}  // namespace gradus::rl
