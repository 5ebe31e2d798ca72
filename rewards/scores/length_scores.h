#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace gradus::rewards {

/// Scores of a completion's length and repetition, as the reference functions give them.

/// DAPO's soft overlong punishment (arXiv:2503.14476, equation 13), L = length, M = max_length,
/// C = buffer, all in tokens:
///   0  if L <= M - C;   ((M - C) - L) / C  if M - C < L <= M;   -1  beyond, or, without a floor
/// (verl), the same line on and on.
/// @throws ArgumentError  buffer < 0 or buffer > max_length; no floor and no buffer.
double soft_overlong_score(int64_t length, int64_t max_length, int64_t buffer,
                           bool has_floor = true);

struct CosineBounds {
  double min_wrong = -1.0;  // wrong and short
  double max_wrong = -0.5;  // wrong and long
  double min_right = 0.5;   // right and long
  double max_right = 1.0;   // right and short
};

/// min + (max - min) / 2 * (1 + cos(pi * L / Lmax)); for a wrong answer the bounds swap, so that
/// long wrong answers are punished less. TRL holds L / Lmax at 1 (`is_clamped`), open-r1 does not.
/// Source: arXiv:2502.03373.
double cosine_score(bool is_right, int64_t length, int64_t max_length, const CosineBounds& bounds,
                    bool is_clamped);

/// Kimi k1.5's length reward over a group (arXiv:2501.12599, section 2.3.3): with
/// s = 0.5 - (L - Lmin) / (Lmax - Lmin) a right answer gets s, a wrong one min(0, s); all 0 when
/// the lengths are equal.
std::vector<double> length_scores(const std::vector<bool>& is_right,
                                  std::span<const int64_t> lengths);

enum class BudgetForm { exact, max, over };

/// Length L against a budget B (L1, arXiv:2503.04697; its alpha is 0.0003, its delta 0.5):
///   exact  -alpha |B - L|;   max  clip(alpha (B - L) + delta, 0, 1);   over  -alpha max(0, L - B).
double length_budget_score(BudgetForm form, double length, double budget, double alpha,
                           double delta);

/// (1 - unique / total) * max_penalty over n-grams, 0 for fewer than n tokens. Source: TRL,
/// open-r1, arXiv:2502.03373.
double repetition_score(std::span<const int32_t> tokens, int ngram, double max_penalty);

/// The same over lower-cased words between white space.
double word_repetition_score(std::string_view text, int ngram, double max_penalty);

}  // namespace gradus::rewards
