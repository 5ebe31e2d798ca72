#include <algorithm>

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

}  // namespace

Contamination::Contamination(const std::vector<std::string>& evaluation_prompts, int ngram,
                             int short_ngram)
    : ngram_(ngram), short_ngram_(std::min(ngram, short_ngram)) {
  for (const std::string& prompt : evaluation_prompts) {
    const auto words = comparison_words(prompt);
    if (words.size() >= static_cast<size_t>(ngram_))
      add_all(runs_, word_runs(words, ngram_));
    else if (words.size() >= static_cast<size_t>(short_ngram_))
      add_all(short_runs_, word_runs(words, short_ngram_));
    else
      add_all(whole_, word_runs(words, short_ngram_));
  }
  for (auto* set : {&runs_, &short_runs_, &whole_}) make_set(*set);
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
  const auto prompt = comparison_words(row.prompt);
  // A hash of few words knows their number, so that it is the whole prompt's or none.
  if (prompt.size() < static_cast<size_t>(short_ngram_) && !prompt.empty() &&
      is_in(whole_, word_runs(prompt, short_ngram_).front()))
    return true;
  return shares_run(prompt) || shares_run(comparison_words(row.response));
}

}  // namespace gradus::rl
