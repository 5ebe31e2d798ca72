#include "rewards/graders/similarity/text_similarity.h"

#include <algorithm>
#include <cmath>

#include "rewards/graders/similarity/porter_stemmer.h"
#include "rewards/graders/similarity/word_tokens.h"

namespace gradus::rewards::graders {
namespace {

constexpr size_t kBleuOrder = 4;

int64_t num_ngrams(TextView numbers, size_t n) {
  return numbers.size() < n ? 0 : static_cast<int64_t>(numbers.size() - n + 1);
}

double f1(double common, double num_input, double num_reference) {
  const double precision = common / std::max(num_input, 1.0);
  const double recall = common / std::max(num_reference, 1.0);
  return precision + recall > 0 ? 2 * precision * recall / (precision + recall) : 0.0;
}

struct Match {
  size_t input = 0;
  size_t reference = 0;
};

/// A word with its place, of those not yet matched.
struct Placed {
  size_t place = 0;
  Text word;
};

// From the end of the input: each word takes the last equal word of the reference that is left.
void match_equal(std::vector<Placed>& input, std::vector<Placed>& reference,
                 std::vector<Match>& matches) {
  std::unordered_map<Text, std::vector<size_t>> places;  // [word] indices in reference, ascending
  for (size_t j = 0; j < reference.size(); ++j) places[reference[j].word].push_back(j);
  std::vector<bool> is_used(reference.size());
  std::vector<Placed> left;
  for (size_t i = input.size(); i-- > 0;) {
    const auto found = places.find(input[i].word);
    if (found == places.end() || found->second.empty()) {
      left.push_back(std::move(input[i]));
      continue;
    }
    const size_t j = found->second.back();
    found->second.pop_back();
    is_used[j] = true;
    matches.push_back({input[i].place, reference[j].place});
  }
  std::reverse(left.begin(), left.end());
  input = std::move(left);
  std::vector<Placed> rest;
  for (size_t j = 0; j < reference.size(); ++j) {
    if (!is_used[j]) rest.push_back(std::move(reference[j]));
  }
  reference = std::move(rest);
}

std::vector<Placed> placed(std::string_view text) {
  std::vector<Placed> words;
  for (const Text& word : words_13a(text)) words.push_back({words.size(), profiles::lowered(word)});
  return words;
}

void stem_all(std::vector<Placed>& words) {
  for (Placed& word : words) word.word = porter_stem(word.word);
}

}  // namespace

double fuzzy_match(std::string_view input, std::string_view reference) {
  const Text a = profiles::to_text(input);
  const Text b = profiles::to_text(reference);
  if (a.empty() && b.empty()) return 1.0;
  return 2.0 * static_cast<double>(common_subsequence(a, b)) /
         static_cast<double>(a.size() + b.size());
}

double bleu(std::string_view input, std::string_view reference) {
  WordNumbers words;
  const Text hypothesis = words.numbers_of(words_13a(input));
  const Text gold = words.numbers_of(words_13a(reference));
  double sum_of_logs = 0;
  double smoothing = 1;
  size_t order = 0;
  bool has_match = false;
  for (size_t n = 1; n <= kBleuOrder; ++n) {
    const auto total = static_cast<double>(num_ngrams(hypothesis, n));
    if (total == 0) break;
    order = n;
    auto correct =
        static_cast<double>(num_common(count_ngrams(hypothesis, n), count_ngrams(gold, n)));
    has_match |= correct > 0;
    if (correct == 0) {
      smoothing *= 2;
      correct = 1 / smoothing;
    }
    sum_of_logs += std::log(correct / total);
  }
  if (!has_match) return 0.0;
  const double ratio = static_cast<double>(gold.size()) / static_cast<double>(hypothesis.size());
  const double brevity = ratio > 1 ? std::exp(1 - ratio) : 1.0;
  return std::min(1.0, brevity * std::exp(sum_of_logs / static_cast<double>(order)));
}

double gleu(std::string_view input, std::string_view reference) {
  WordNumbers words;
  const Text hypothesis = words.numbers_of(words_13a(input));
  const Text gold = words.numbers_of(words_13a(reference));
  int64_t common = 0;
  int64_t num_hypothesis = 0;
  int64_t num_gold = 0;
  for (size_t n = 1; n <= kBleuOrder; ++n) {
    common += num_common(count_ngrams(hypothesis, n), count_ngrams(gold, n));
    num_hypothesis += num_ngrams(hypothesis, n);
    num_gold += num_ngrams(gold, n);
  }
  const int64_t longer = std::max(num_hypothesis, num_gold);
  return longer == 0 ? 0.0 : static_cast<double>(common) / static_cast<double>(longer);
}

double meteor(std::string_view input, std::string_view reference) {
  constexpr double kAlpha = 0.9;
  constexpr double kBeta = 3.0;
  constexpr double kGamma = 0.5;
  auto hypothesis = placed(input);
  auto gold = placed(reference);
  const auto num_hypothesis = static_cast<double>(hypothesis.size());
  const auto num_gold = static_cast<double>(gold.size());
  std::vector<Match> matches;
  match_equal(hypothesis, gold, matches);
  stem_all(hypothesis);
  stem_all(gold);
  match_equal(hypothesis, gold, matches);
  if (matches.empty()) return 0.0;
  std::sort(matches.begin(), matches.end(),
            [](const Match& a, const Match& b) { return a.input < b.input; });
  double chunks = 1;
  for (size_t i = 1; i < matches.size(); ++i) {
    const bool is_adjacent = matches[i].input == matches[i - 1].input + 1 &&
                             matches[i].reference == matches[i - 1].reference + 1;
    if (!is_adjacent) ++chunks;
  }
  const auto num_matches = static_cast<double>(matches.size());
  const double precision = num_matches / num_hypothesis;
  const double recall = num_matches / num_gold;
  const double mean = precision * recall / (kAlpha * precision + (1 - kAlpha) * recall);
  return (1 - kGamma * std::pow(chunks / num_matches, kBeta)) * mean;
}

double rouge_n(std::string_view input, std::string_view reference, int n) {
  WordNumbers words;
  const Text hypothesis = words.numbers_of(words_rouge(input));
  const Text gold = words.numbers_of(words_rouge(reference));
  const auto size = static_cast<size_t>(n);
  const auto common = num_common(count_ngrams(hypothesis, size), count_ngrams(gold, size));
  return f1(static_cast<double>(common), static_cast<double>(num_ngrams(hypothesis, size)),
            static_cast<double>(num_ngrams(gold, size)));
}

double rouge_l(std::string_view input, std::string_view reference) {
  WordNumbers words;
  const Text hypothesis = words.numbers_of(words_rouge(input));
  const Text gold = words.numbers_of(words_rouge(reference));
  return f1(static_cast<double>(common_subsequence(hypothesis, gold)),
            static_cast<double>(hypothesis.size()), static_cast<double>(gold.size()));
}

}  // namespace gradus::rewards::graders
