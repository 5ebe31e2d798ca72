#include "rl/evaluation/accuracy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"

namespace gradus::rl {
namespace {

constexpr double kZ95 = 1.959963984540054;

Estimate wilson(double share, double trials) {
  const double z2 = kZ95 * kZ95;
  const double scale = 1.0 + z2 / trials;
  const double centre = (share + z2 / (2.0 * trials)) / scale;
  const double half =
      kZ95 / scale * std::sqrt(share * (1.0 - share) / trials + z2 / (4.0 * trials * trials));
  return {share, std::max(0.0, std::min(share, centre - half)),
          std::min(1.0, std::max(share, centre + half))};
}

}  // namespace

Estimate wilson_interval(int64_t successes, int64_t trials) {
  if (trials <= 0) return {};
  return wilson(static_cast<double>(successes) / static_cast<double>(trials),
                static_cast<double>(trials));
}

Estimate accuracy_by_problem(std::span<const double> shares) {
  if (shares.empty()) return {};
  const auto n = static_cast<double>(shares.size());
  double sum = 0.0;
  for (const double share : shares) sum += share;
  const double mean = sum / n;
  const bool is_binary =
      std::ranges::all_of(shares, [](double share) { return share == 0.0 || share == 1.0; });
  const bool is_constant =
      std::ranges::all_of(shares, [&](double share) { return share == shares[0]; });
  if (is_binary || is_constant) return wilson(mean, n);
  double squares = 0.0;
  for (const double share : shares) squares += (share - mean) * (share - mean);
  const double half = kZ95 * std::sqrt(squares / (n - 1.0) / n);
  return {mean, std::max(0.0, mean - half), std::min(1.0, mean + half)};
}

double pass_at_k(int64_t n, int64_t c, int64_t k) {
  if (k < 1 || k > n || c < 0 || c > n)
    throw ArgumentError(
        fmt::format("pass@{}: needs {} samples or more and 0 to n right ones; there "
                    "are {} samples, {} right",
                    k, k, n, c));
  if (n - c < k) return 1.0;
  double all_wrong = 1.0;
  for (int64_t i = n - c + 1; i <= n; ++i)
    all_wrong *= 1.0 - static_cast<double>(k) / static_cast<double>(i);
  return 1.0 - all_wrong;
}

std::vector<int64_t> powers_of_two_up_to(int64_t n) {
  std::vector<int64_t> powers;
  for (int64_t k = 1; k <= n; k *= 2) powers.push_back(k);
  return powers;
}

}  // namespace gradus::rl
