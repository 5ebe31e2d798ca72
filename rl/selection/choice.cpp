#include <algorithm>
#include <map>
#include <tuple>

#include "base/random.h"
#include "rl/selection/selection.h"
#include "rl/selection/shingles.h"

namespace gradus::rl {
namespace {

constexpr int kDiversityWords = 3;

using Rows = std::vector<const SampledRow*>;  // of one prompt

int64_t length_of(const SampledRow& row) {
  return row.num_tokens >= 0 ? row.num_tokens : static_cast<int64_t>(row.response.size());
}

bool is_shorter(const SampledRow* left, const SampledRow* right) {
  const auto key = [](const SampledRow& row) {
    return std::tuple(length_of(row), row.index, std::string_view(row.response));
  };
  return key(*left) < key(*right);
}

void order_randomly(Rows& rows, uint64_t seed) {
  const auto key = [&](const SampledRow* row) {
    return std::tuple(
        RandomStream(seed, 0, hash_text(row->prompt_id), static_cast<uint64_t>(row->index)).next(),
        row->index, std::string_view(row->response));
  };
  std::ranges::sort(rows, [&](const SampledRow* left, const SampledRow* right) {
    return key(left) < key(right);
  });
}

/// The shortest first; then, each time, the row whose largest overlap with one that stands before
/// it is least.
void order_by_diversity(Rows& rows) {
  std::ranges::sort(rows, is_shorter);
  std::map<const SampledRow*, std::vector<uint64_t>> runs;
  for (const SampledRow* row : rows)
    runs[row] = run_set(comparison_words(row->response), kDiversityWords);
  std::map<const SampledRow*, double> overlap;
  for (size_t chosen = 1; chosen < rows.size(); ++chosen) {
    for (size_t i = chosen; i < rows.size(); ++i)
      overlap[rows[i]] = std::max(overlap[rows[i]], jaccard(runs[rows[i]], runs[rows[chosen - 1]]));
    const auto next = std::min_element(
        rows.begin() + static_cast<int64_t>(chosen), rows.end(),
        [&](const SampledRow* a, const SampledRow* b) { return overlap[a] < overlap[b]; });
    std::rotate(rows.begin() + static_cast<int64_t>(chosen), next, next + 1);
  }
}

}  // namespace

int64_t drop_unchosen(std::vector<SampledRow>& rows, const SelectionConfig& config) {
  if (config.most == 0) return 0;
  std::map<std::pair<std::string, std::string>, Rows> prompts;
  for (const SampledRow& row : rows) {
    // Rows of other programs have no prompt's name, but its text.
    const std::string& name = row.prompt_id.empty() ? row.prompt : row.prompt_id;
    prompts[{row.source, name}].push_back(&row);
  }
  std::vector<const SampledRow*> left_out;
  for (auto& [prompt, of_prompt] : prompts) {
    if (of_prompt.size() <= static_cast<size_t>(config.most)) continue;
    if (config.choose == RowChoice::shortest) std::ranges::sort(of_prompt, is_shorter);
    if (config.choose == RowChoice::random) order_randomly(of_prompt, config.seed);
    if (config.choose == RowChoice::diverse) order_by_diversity(of_prompt);
    left_out.insert(left_out.end(), of_prompt.begin() + config.most, of_prompt.end());
  }
  std::vector<bool> is_out(rows.size(), false);
  for (const SampledRow* row : left_out) is_out[static_cast<size_t>(row - rows.data())] = true;
  std::vector<SampledRow> kept;
  for (size_t i = 0; i < rows.size(); ++i)
    if (!is_out[i]) kept.push_back(std::move(rows[i]));
  rows = std::move(kept);
  return static_cast<int64_t>(left_out.size());
}

}  // namespace gradus::rl
