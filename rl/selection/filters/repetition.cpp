#include <algorithm>
#include <unordered_map>

#include "rl/selection/row_filter.h"
#include "rl/selection/shingles.h"

namespace gradus::rl {
namespace {

constexpr int kDistinctWords = 4;
constexpr size_t kFewRuns = 8;

bool repeats_too_often(const std::vector<std::string>& words, const SelectionConfig& config) {
  if (config.max_repeats == 0 || words.size() < static_cast<size_t>(config.repeat_words))
    return false;
  std::unordered_map<uint64_t, int> counts;
  return std::ranges::any_of(word_runs(words, config.repeat_words),
                             [&](uint64_t run) { return ++counts[run] > config.max_repeats; });
}

bool is_monotonous(const std::vector<std::string>& words, const SelectionConfig& config) {
  if (words.size() < kDistinctWords + kFewRuns - 1) return false;
  const auto all = word_runs(words, kDistinctWords).size();
  const auto distinct = run_set(words, kDistinctWords).size();
  return static_cast<double>(distinct) < config.min_distinct * static_cast<double>(all);
}

bool does_not_repeat(const SampledRow& row, const SelectionConfig& config) {
  const auto words = comparison_words(row.response);
  return !repeats_too_often(words, config) && !is_monotonous(words, config);
}

}  // namespace

extern const RowFilter kRepetitionFilter;
const RowFilter kRepetitionFilter{"repetition", "it repeats itself (max_repeats, min_distinct)",
                                  does_not_repeat};

}  // namespace gradus::rl
