#include <algorithm>
#include <utility>

#include "rl/selection/selection.h"
#include "rl/selection/shingles.h"

namespace gradus::rl {
namespace {

void add_all(std::vector<uint64_t>& set, const std::vector<uint64_t>& more) {
  set.insert(set.end(), more.begin(), more.end());
}

void make_set(std::vector<uint64_t>& hashes) {
  std::ranges::sort(hashes);
  const auto rest = std::ranges::unique(hashes);
  hashes.erase(rest.begin(), rest.end());
}

bool is_in(const std::vector<uint64_t>& set, uint64_t hash) {
  return std::ranges::binary_search(set, hash);
}

/// What all lists of words begin with; nothing where there are fewer than two different ones.
std::vector<std::string> common_beginning(const std::vector<std::vector<std::string>>& lists) {
  std::vector<std::string> common;
  bool is_first = true;
  bool differ = false;
  for (const auto& words : lists) {
    differ = differ || words != lists.front();
    if (std::exchange(is_first, false)) common = words;
    const auto [end, other] = std::ranges::mismatch(common, words);
    common.erase(end, common.end());
  }
  if (!differ) common.clear();
  return common;
}

}  // namespace

Contamination::Contamination(const std::vector<std::string>& evaluation_prompts, int ngram,
                             int short_ngram)
    : ngram_(ngram), short_ngram_(std::min(ngram, short_ngram)) {
  std::vector<std::vector<std::string>> prompts;
  for (const std::string& prompt : evaluation_prompts) prompts.push_back(comparison_words(prompt));
  before_ = common_beginning(prompts);
  if (before_.size() < static_cast<size_t>(short_ngram_)) before_.clear();
  for (auto& words : prompts) {
    words = without_template(std::move(words));
    std::ranges::reverse(words);
  }
  behind_ = common_beginning(prompts);
  std::ranges::reverse(behind_);
  if (behind_.size() < static_cast<size_t>(short_ngram_)) behind_.clear();
  for (auto& words : prompts) {
    std::ranges::reverse(words);
    if (!behind_.empty()) words.resize(words.size() - behind_.size());
    if (words.size() >= static_cast<size_t>(ngram_))
      add_all(runs_, word_runs(words, ngram_));
    else if (words.size() >= static_cast<size_t>(short_ngram_))
      add_all(short_runs_, word_runs(words, short_ngram_));
    else
      add_all(whole_, word_runs(words, short_ngram_));
  }
  for (auto* set : {&runs_, &short_runs_, &whole_}) make_set(*set);
}

std::vector<std::string> Contamination::without_template(std::vector<std::string> words) const {
  if (!before_.empty() && words.size() >= before_.size() &&
      std::equal(before_.begin(), before_.end(), words.begin()))
    words.erase(words.begin(), words.begin() + std::ssize(before_));
  if (!behind_.empty() && words.size() >= behind_.size() &&
      std::equal(behind_.rbegin(), behind_.rend(), words.rbegin()))
    words.resize(words.size() - behind_.size());
  return words;
}

bool Contamination::shares_run(const std::vector<std::string>& words) const {
  const auto is_known = [&](const std::vector<uint64_t>& set, int length) {
    if (set.empty() || words.size() < static_cast<size_t>(length)) return false;
    const auto runs = word_runs(words, length);
    return std::ranges::any_of(runs, [&](uint64_t run) { return is_in(set, run); });
  };
  return is_known(runs_, ngram_) || is_known(short_runs_, short_ngram_);
}

bool Contamination::holds(const SampledRow& row) const {
  const auto prompt = without_template(comparison_words(row.prompt));
  // A hash of few words knows their number, so that it is the whole prompt's or none.
  if (prompt.size() < static_cast<size_t>(short_ngram_) && !prompt.empty() &&
      is_in(whole_, word_runs(prompt, short_ngram_).front()))
    return true;
  return shares_run(prompt) || shares_run(comparison_words(row.response));
}

}  // namespace gradus::rl
