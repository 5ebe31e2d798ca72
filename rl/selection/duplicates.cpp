#include <algorithm>
#include <set>
#include <unordered_map>

#include "rl/selection/selection.h"
#include "rl/selection/shingles.h"

namespace gradus::rl {
namespace {

constexpr int kSimilarityWords = 5;
// Bands of four of 64 minima: rows of similarity 0.8 meet in one with 1 - (1 - 0.8^4)^16, all but
// 2e-4 of them; candidates are compared exactly.
constexpr int kMinima = 64;
constexpr int kBand = 4;

/// The keys under which rows that may be similar meet.
std::vector<uint64_t> bands_of(const std::vector<uint64_t>& minima) {
  std::vector<uint64_t> keys;
  for (int begin = 0; begin < kMinima; begin += kBand) {
    uint64_t key = 1469598103934665603ULL + static_cast<uint64_t>(begin);
    for (int i = begin; i < begin + kBand; ++i)
      key = (key ^ minima[static_cast<size_t>(i)]) * 1099511628211ULL;
    keys.push_back(key);
  }
  return keys;
}

}  // namespace

int64_t drop_duplicates(std::vector<SampledRow>& rows) {
  std::set<std::pair<std::vector<std::string>, std::vector<std::string>>> seen;
  return static_cast<int64_t>(std::erase_if(rows, [&](const SampledRow& row) {
    return !seen.emplace(comparison_words(row.prompt), comparison_words(row.response)).second;
  }));
}

int64_t drop_similar(std::vector<SampledRow>& rows, double max_similarity) {
  if (max_similarity >= 1.0) return 0;
  std::vector<std::vector<uint64_t>> kept;
  std::unordered_map<uint64_t, std::vector<size_t>> rows_of_band;
  return static_cast<int64_t>(std::erase_if(rows, [&](const SampledRow& row) {
    // Prompt and response together: many right answers to different questions read alike.
    auto words = comparison_words(row.prompt);
    for (auto& word : comparison_words(row.response)) words.push_back(std::move(word));
    auto runs = run_set(words, kSimilarityWords);
    const auto bands = bands_of(min_hashes(runs, kMinima));
    std::set<size_t> candidates;
    for (const uint64_t band : bands)
      if (const auto found = rows_of_band.find(band); found != rows_of_band.end())
        candidates.insert(found->second.begin(), found->second.end());
    if (std::ranges::any_of(
            candidates, [&](size_t other) { return jaccard(runs, kept[other]) > max_similarity; }))
      return true;
    for (const uint64_t band : bands) rows_of_band[band].push_back(kept.size());
    kept.push_back(std::move(runs));
    return false;
  }));
}

}  // namespace gradus::rl
