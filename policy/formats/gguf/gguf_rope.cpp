#include "policy/formats/gguf/gguf_rope.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace gradus::policy {
namespace {

double wavelength(const RopeConfig& rope, int64_t pair, int64_t dim) {
  const double exponent = 2.0 * static_cast<double>(pair) / static_cast<double>(dim);
  return 2 * std::numbers::pi * std::pow(rope.theta, exponent);
}

bool reproduces(const RopeConfig& rope, std::span<const float> divisors) {
  const auto computed = llama3_divisors(rope, static_cast<int64_t>(divisors.size()) * 2);
  return std::equal(divisors.begin(), divisors.end(), computed.begin(),
                    [](float a, float b) { return std::fabs(a - b) <= 1e-5F * std::fabs(b); });
}

RopeConfig with(RopeConfig rope, double low, double high, double original) {
  rope.low_freq_factor = low;
  rope.high_freq_factor = high;
  rope.original_max_positions = std::max<int64_t>(1, std::llround(original));
  return rope;
}

/// The smooth part is a line: s = (1/divisor - 1/factor) / (1 - 1/factor) = a / w - b, with
/// a = orig / (high - low) and b = low / (high - low). Only these two can be seen, so low is 1.
std::vector<RopeConfig> solve(std::span<const float> divisors, const RopeConfig& rope) {
  struct Point {
    double inverse_wavelength;
    double smooth;
  };
  std::vector<Point> points;
  double first_scaled = 0;
  const auto dim = static_cast<int64_t>(divisors.size()) * 2;
  for (size_t i = 0; i < divisors.size(); ++i) {
    const double w = wavelength(rope, static_cast<int64_t>(i), dim);
    const double r = divisors[i];
    if (r > 1.0 && first_scaled == 0) first_scaled = w;
    if (r <= 1.0 || r >= rope.factor * (1 - 1e-6)) continue;
    points.push_back({1 / w, (1 / r - 1 / rope.factor) / (1 - 1 / rope.factor)});
  }
  if (points.empty()) return {with(rope, 1, 4, std::floor(first_scaled))};
  const Point& p = points.front();
  const Point& q = points.back();
  if (points.size() == 1)
    return {with(rope, 1, 4, 3 * (p.smooth + 1.0 / 3) / p.inverse_wavelength)};
  const double a = (p.smooth - q.smooth) / (p.inverse_wavelength - q.inverse_wavelength);
  const double b = a * p.inverse_wavelength - p.smooth;
  if (!(b > 0)) return {};
  const double high = 1 + 1 / b;
  // Parameters are round numbers; the division of float32 divisors is not.
  return {with(rope, 1, std::round(high), a / b),
          with(rope, 1, std::round(high * 100) / 100, a / b), with(rope, 1, high, a / b)};
}

}  // namespace

std::vector<float> llama3_divisors(const RopeConfig& rope, int64_t dim) {
  const auto original = static_cast<double>(rope.original_max_positions);
  std::vector<float> divisors;
  for (int64_t pair = 0; pair < dim / 2; ++pair) {
    const double w = wavelength(rope, pair, dim);
    const double smooth =
        (original / w - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
    double divisor = 1 / ((1 - smooth) / rope.factor + smooth);
    if (w < original / rope.high_freq_factor) divisor = 1;
    if (w > original / rope.low_freq_factor) divisor = rope.factor;
    divisors.push_back(static_cast<float>(divisor));
  }
  return divisors;
}

std::optional<RopeConfig> fit_llama3(std::span<const float> divisors, const RopeConfig& hint) {
  RopeConfig rope = hint;
  rope.kind = RopeKind::llama3;
  std::vector<RopeConfig> candidates{rope};
  rope.factor = *std::max_element(divisors.begin(), divisors.end());
  candidates.push_back(with(rope, 1, 4, 8192));
  for (const RopeConfig& solved : solve(divisors, rope)) candidates.push_back(solved);
  for (const RopeConfig& candidate : candidates) {
    if (candidate.original_max_positions > 0 && candidate.factor > 0 &&
        candidate.high_freq_factor > candidate.low_freq_factor && reproduces(candidate, divisors)) {
      return candidate;
    }
  }
  return std::nullopt;
}

}  // namespace gradus::policy
