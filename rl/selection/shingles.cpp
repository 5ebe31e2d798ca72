#include "rl/selection/shingles.h"

#include <algorithm>
#include <limits>

#include "base/random.h"
#include "rewards/scores/text_scores.h"
#include "rewards/scores/words.h"

namespace gradus::rl {
namespace {

/// The finalizer of SplitMix64: a bijection of 64 bits that leaves no pattern.
uint64_t mixed(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::vector<std::string> comparison_words(std::string_view text) {
  const std::string plain = rewards::lower_case(
      rewards::normalized_text(text, {.ignore_case = false, .ignore_space = true}));
  std::vector<std::string> words;
  for (const std::string_view word : rewards::split_words_and_characters(plain))
    words.emplace_back(word);
  return words;
}

std::vector<uint64_t> word_runs(const std::vector<std::string>& words, int length) {
  std::vector<uint64_t> hashes;
  if (words.empty()) return hashes;
  const size_t run = std::min(words.size(), static_cast<size_t>(length));
  std::vector<uint64_t> single;
  for (const std::string& word : words) single.push_back(hash_text(word));
  for (size_t begin = 0; begin + run <= words.size(); ++begin) {
    uint64_t hash = run;
    for (size_t i = begin; i < begin + run; ++i) hash = mixed(hash ^ single[i]);
    hashes.push_back(hash);
  }
  return hashes;
}

std::vector<uint64_t> run_set(const std::vector<std::string>& words, int length) {
  auto set = word_runs(words, length);
  std::ranges::sort(set);
  const auto rest = std::ranges::unique(set);
  set.erase(rest.begin(), rest.end());
  return set;
}

double jaccard(const std::vector<uint64_t>& left, const std::vector<uint64_t>& right) {
  if (left.empty() && right.empty()) return 1.0;
  size_t common = 0;
  for (size_t i = 0, j = 0; i < left.size() && j < right.size();) {
    if (left[i] == right[j]) {
      ++common, ++i, ++j;
    } else {
      left[i] < right[j] ? ++i : ++j;
    }
  }
  return static_cast<double>(common) / static_cast<double>(left.size() + right.size() - common);
}

std::vector<uint64_t> min_hashes(const std::vector<uint64_t>& set, int size) {
  std::vector<uint64_t> minima(static_cast<size_t>(size), std::numeric_limits<uint64_t>::max());
  for (size_t i = 0; i < minima.size(); ++i) {
    const uint64_t key = mixed(i + 1);
    for (const uint64_t hash : set) minima[i] = std::min(minima[i], mixed(hash ^ key));
  }
  return minima;
}

}  // namespace gradus::rl
