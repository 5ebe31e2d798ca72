#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace gradus::rl {

/// A share with its 95 % interval, all in [0, 1].
struct Estimate {
  double value = 0.0;
  double low = 0.0;
  double high = 1.0;
};

/// Wilson's score interval of `successes` out of `trials`; it stays sensible near 0 and 1, where
/// the normal interval does not. No trials: value 0, interval [0, 1].
/// Source: E. B. Wilson, JASA 22 (1927), 209-212.
Estimate wilson_interval(int64_t successes, int64_t trials);

/// Mean over problems of each problem's share of right samples. Samples of one problem are not
/// independent, so the interval is the one of a mean over problems,
///   mean +- 1.96 * std / sqrt(n)      (std with n - 1),
/// cut to [0, 1]; with one sample each (all shares 0 or 1), or where all shares are equal, which
/// would give it no width, Wilson's interval over problems is used.
Estimate accuracy_by_problem(std::span<const double> shares);

/// Unbiased probability that at least one of k samples drawn from n, of which c are right, is
/// right:
///   1 - C(n - c, k) / C(n, k)
/// Source: Chen et al., arXiv:2107.03374, section 2.1. @throws ArgumentError  k outside [1, n].
double pass_at_k(int64_t n, int64_t c, int64_t k);

/// 1, 2, 4, ... up to n.
std::vector<int64_t> powers_of_two_up_to(int64_t n);

}  // namespace gradus::rl
