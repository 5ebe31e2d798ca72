#include "rewards/scores/length_scores.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "rewards/scores/words.h"

namespace gradus::rewards {
namespace {

constexpr double kPi = 3.14159265358979323846;

}  // namespace

double soft_overlong_score(int64_t length, int64_t max_length, int64_t buffer, bool has_floor) {
  if (buffer < 0 || buffer > max_length) {
    throw ArgumentError("soft_overlong: buffer is " + std::to_string(buffer) +
                        ", must be in [0, max_length = " + std::to_string(max_length) + "]");
  }
  if (buffer == 0 && !has_floor)
    throw ArgumentError("soft_overlong: without a floor the buffer must be above 0");
  const int64_t soft_end = max_length - buffer;
  if (length <= soft_end) return 0.0;
  if (length > max_length && has_floor) return -1.0;
  return static_cast<double>(soft_end - length) / static_cast<double>(buffer);
}

double cosine_score(bool is_right, int64_t length, int64_t max_length, const CosineBounds& bounds,
                    bool is_clamped) {
  double share = static_cast<double>(length) / static_cast<double>(max_length);
  if (is_clamped) share = std::min(share, 1.0);
  const double low = is_right ? bounds.min_right : bounds.max_wrong;
  const double high = is_right ? bounds.max_right : bounds.min_wrong;
  return low + 0.5 * (high - low) * (1.0 + std::cos(share * kPi));
}

std::vector<double> length_scores(const std::vector<bool>& is_right,
                                  std::span<const int64_t> lengths) {
  if (is_right.size() != lengths.size()) throw ArgumentError("length_scores: sizes differ");
  std::vector<double> scores(lengths.size(), 0.0);
  if (lengths.empty()) return scores;
  const auto [shortest, longest] = std::minmax_element(lengths.begin(), lengths.end());
  if (*shortest == *longest) return scores;
  const auto range = static_cast<double>(*longest - *shortest);
  for (size_t i = 0; i < lengths.size(); ++i) {
    const double score = 0.5 - static_cast<double>(lengths[i] - *shortest) / range;
    scores[i] = is_right[i] ? score : std::min(0.0, score);
  }
  return scores;
}

double length_budget_score(BudgetForm form, double length, double budget, double alpha,
                           double delta) {
  switch (form) {
    case BudgetForm::exact:
      return -alpha * std::abs(budget - length);
    case BudgetForm::max:
      return std::clamp(alpha * (budget - length) + delta, 0.0, 1.0);
    case BudgetForm::over:
      return -alpha * std::max(0.0, length - budget);
  }
  return 0.0;
}

double repetition_score(std::span<const int32_t> tokens, int ngram, double max_penalty) {
  const auto n = static_cast<size_t>(ngram);
  if (tokens.size() < n) return 0.0;
  const size_t total = tokens.size() - n + 1;
  // Positions ordered by the n-grams that begin there: equal ones become neighbours.
  const auto is_less = [&](size_t a, size_t b) {
    return std::lexicographical_compare(tokens.begin() + a, tokens.begin() + a + n,
                                        tokens.begin() + b, tokens.begin() + b + n);
  };
  const std::set<size_t, decltype(is_less)> unique = [&] {
    std::set<size_t, decltype(is_less)> seen(is_less);
    for (size_t i = 0; i < total; ++i) seen.insert(i);
    return seen;
  }();
  const double scaling = 1.0 - static_cast<double>(unique.size()) / static_cast<double>(total);
  return scaling * max_penalty;
}

double word_repetition_score(std::string_view text, int ngram, double max_penalty) {
  std::unordered_map<std::string, int32_t> ids;
  std::vector<int32_t> tokens;
  for (const auto word : split_words(text)) {
    const auto next = static_cast<int32_t>(ids.size());
    tokens.push_back(ids.emplace(lower_case(word), next).first->second);
  }
  return repetition_score(tokens, ngram, max_penalty);
}

}  // namespace gradus::rewards
