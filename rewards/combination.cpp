#include "rewards/combination.h"

#include <cmath>

#include "base/error.h"

namespace gradus::rewards {
namespace {

constexpr double kNotCounted = std::numeric_limits<double>::quiet_NaN();

enum class Gates { open, unknown, closed };

Contribution clipped(double value, const RewardTerms& terms) {
  Contribution contribution{clipped_value(value, terms)};
  contribution.is_clipped = contribution.value != value;
  return contribution;
}

// One rule's part, and what it does to the gates of the rules below.
Contribution pass(const Grade& grade, const RewardTerms& terms, Gates& gates) {
  const Gates above = gates;
  if (grade.outcome != GradeOutcome::scored) {
    if (terms.gate && gates == Gates::open) gates = Gates::unknown;
    return {kNotCounted, false, above != Gates::open};
  }
  Contribution contribution = clipped(grade.value, terms);
  if (terms.gate && contribution.value < *terms.gate) gates = Gates::closed;
  if (above == Gates::open) return contribution;
  contribution.is_gated = true;
  contribution.value = above == Gates::closed ? 0.0 : kNotCounted;
  return contribution;
}

}  // namespace

double clipped_value(double value, const RewardTerms& terms) {
  if (terms.min && value < *terms.min) return *terms.min;
  if (terms.max && value > *terms.max) return *terms.max;
  return value;
}

Contributions contributions_of(const std::vector<std::vector<Grade>>& grades,
                               std::span<const RewardTerms> terms) {
  if (grades.size() != terms.size()) throw ArgumentError("contributions_of: sizes differ");
  Contributions contributions;
  std::vector<Gates> gates(grades.empty() ? 0 : grades[0].size(), Gates::open);
  for (size_t k = 0; k < grades.size(); ++k) {
    auto& row = contributions.emplace_back();
    for (size_t i = 0; i < gates.size(); ++i) {
      row.push_back(pass(grades[k].at(i), terms[k], gates[i]));
    }
  }
  return contributions;
}

std::vector<double> weighted_sums(const Contributions& contributions,
                                  std::span<const RewardTerms> terms) {
  std::vector<double> sums(contributions.empty() ? 0 : contributions[0].size(), kNotCounted);
  for (size_t k = 0; k < contributions.size(); ++k) {
    for (size_t i = 0; i < sums.size(); ++i) {
      const double value = contributions[k][i].value;
      if (std::isnan(value)) continue;
      sums[i] = (std::isnan(sums[i]) ? 0.0 : sums[i]) + terms[k].weight * value;
    }
  }
  return sums;
}

}  // namespace gradus::rewards
