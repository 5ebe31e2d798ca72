#include "rewards/scores/length_scores.h"

#include <utf8proc.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <unordered_map>

#include "base/error.h"
#include "base/utf8.h"

namespace gradus::rewards {
namespace {

constexpr double kPi = 3.14159265358979323846;

// White space as Python's str.split has it.
bool is_space(uint32_t value) {
  if (value <= 0x20) return value == 0x20 || (value >= 0x09 && value <= 0x0D) || value >= 0x1C;
  if (value >= 0x2000 && value <= 0x200A) return true;
  return value == 0x85 || value == 0xA0 || value == 0x1680 || value == 0x2028 || value == 0x2029 ||
         value == 0x202F || value == 0x205F || value == 0x3000;
}

std::vector<std::string> lower_words(std::string_view text) {
  std::vector<std::string> words(1);
  for (size_t i = 0; i < text.size();) {
    const CodePoint point = code_point_at(text, i);
    i += point.num_bytes;
    if (!is_space(point.value)) {
      const auto lower = utf8proc_tolower(static_cast<utf8proc_int32_t>(point.value));
      append_code_point(words.back(), static_cast<uint32_t>(lower));
    } else if (!words.back().empty()) {
      words.emplace_back();
    }
  }
  if (words.back().empty()) words.pop_back();
  return words;
}

}  // namespace

double soft_overlong_score(int64_t length, int64_t max_length, int64_t buffer) {
  if (buffer < 0 || buffer > max_length) {
    throw ArgumentError("soft_overlong: buffer is " + std::to_string(buffer) +
                        ", must be in [0, max_length = " + std::to_string(max_length) + "]");
  }
  const int64_t soft_end = max_length - buffer;
  if (length <= soft_end) return 0.0;
  if (length > max_length) return -1.0;
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
  for (auto& word : lower_words(text)) {
    tokens.push_back(ids.emplace(word, static_cast<int32_t>(ids.size())).first->second);
  }
  return repetition_score(tokens, ngram, max_penalty);
}

}  // namespace gradus::rewards
