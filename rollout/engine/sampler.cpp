#include "rollout/engine/sampler.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <string>

#include "base/error.h"
#include "policy/kernels/softmax.h"

namespace gradus::rollout {
namespace {

using Candidate = SamplerScratch::Candidate;

/// Logits of one span are skipped together when their maximum is below the threshold.
constexpr int64_t kSpan = 16;
/// First guess of how many ranked tokens top-p or min-p will need.
constexpr int64_t kFirstHead = 128;
constexpr int64_t kHeadGrowth = 16;

bool ranks_before(const Candidate& a, const Candidate& b) {
  return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

/// All exponent bits set means NaN or infinity; an integer reduction stays right whatever
/// floating-point options the build has, and it vectorises.
bool all_finite(std::span<const float> logits) {
  uint32_t overflow = 0;
  for (const float z : logits) overflow |= (std::bit_cast<uint32_t>(z) & 0x7FFFFFFFU) + 0x00800000U;
  return overflow >> 31 == 0;
}

/// The k highest-ranked tokens in order, into scratch.candidates. The k-th largest maximum of the
/// spans bounds the k-th largest logit from below, so that few logits need to be ranked.
void rank_head(std::span<const float> logits, int64_t k, SamplerScratch& scratch) {
  const auto n = static_cast<int64_t>(logits.size());
  const int64_t num_spans = (n + kSpan - 1) / kSpan;
  auto& maxima = scratch.maxima;
  maxima.resize(static_cast<size_t>(num_spans));
  for (int64_t s = 0; s < num_spans; ++s) {
    float largest = logits[static_cast<size_t>(s * kSpan)];
    for (int64_t i = s * kSpan; i < std::min(n, (s + 1) * kSpan); ++i)
      largest = std::max(largest, logits[static_cast<size_t>(i)]);
    maxima[static_cast<size_t>(s)] = largest;
  }
  float threshold = -INFINITY;
  if (k < num_spans) {
    scratch.order.assign(maxima.begin(), maxima.end());
    const auto kth = scratch.order.begin() + (k - 1);
    std::nth_element(scratch.order.begin(), kth, scratch.order.end(), std::greater<>());
    threshold = *kth;
  }
  auto& head = scratch.candidates;
  head.clear();
  for (int64_t s = 0; s < num_spans; ++s) {
    if (maxima[static_cast<size_t>(s)] < threshold) continue;
    for (int64_t i = s * kSpan; i < std::min(n, (s + 1) * kSpan); ++i) {
      const float z = logits[static_cast<size_t>(i)];
      if (z >= threshold) head.push_back({z, static_cast<int32_t>(i)});
    }
  }
  const auto end = head.begin() + std::min<int64_t>(k, std::ssize(head));
  if (end != head.end()) std::nth_element(head.begin(), end, head.end(), ranks_before);
  head.erase(end, head.end());
  std::sort(head.begin(), head.end(), ranks_before);
}

}  // namespace

double scoring_temperature(const SamplingConfig& config) {
  return config.temperature < kLeastTemperature ? 1.0 : config.temperature;
}

void SamplerScratch::reserve(int64_t vocab_size) {
  const auto n = static_cast<size_t>(vocab_size);
  maxima.reserve(n / kSpan + 1);
  order.reserve(n / kSpan + 1);
  candidates.reserve(n);
  weights.reserve(n);
}

Sampler::Sampler(const SamplingConfig& config)
    : is_greedy_(config.temperature < kLeastTemperature),
      inverse_temperature_(static_cast<float>(1.0 / scoring_temperature(config))),
      top_k_(config.top_k),
      top_p_(config.top_p),
      min_p_(config.min_p) {
  const auto refuse = [](const std::string& name, const std::string& rule) {
    throw ArgumentError("sampling." + name + ": must be " + rule);
  };
  const bool is_usable = config.temperature == 0.0 || config.temperature >= kLeastTemperature;
  if (!(is_usable && config.temperature <= 100.0))
    refuse("temperature", "0 (greedy), or from 0.001 to 100");
  if (config.top_k < 0) refuse("top_k", "at least 0");
  if (!(config.top_p >= 0.0 && config.top_p <= 1.0)) refuse("top_p", "between 0 and 1");
  if (!(config.min_p >= 0.0 && config.min_p <= 1.0)) refuse("min_p", "between 0 and 1");
}

bool Sampler::is_truncated(int64_t vocab_size) const {
  return (top_k_ > 0 && top_k_ < vocab_size) || top_p_ < 1.0 || min_p_ > 0.0;
}

std::optional<SampledToken> Sampler::sample(std::span<const float> logits, float u,
                                            SamplerScratch& scratch) const {
  if (logits.empty() || !all_finite(logits)) return std::nullopt;
  const auto n = static_cast<int64_t>(logits.size());
  const auto stats = policy::kernels::softmax_stats(logits.data(), n, inverse_temperature_);
  if (!is_greedy_ && is_truncated(n))
    return sample_truncated(logits, u, stats.log_sum_exp, stats.max, scratch);
  const int64_t id = is_greedy_
                         ? std::find(logits.begin(), logits.end(), stats.max) - logits.begin()
                         : policy::kernels::sample_index(logits.data(), n, inverse_temperature_,
                                                         stats.log_sum_exp, u);
  const float logprob = inverse_temperature_ * logits[static_cast<size_t>(id)] - stats.log_sum_exp;
  return SampledToken{static_cast<int32_t>(id), logprob, logprob};
}

std::optional<SampledToken> Sampler::sample_edited(std::span<float> logits, float u,
                                                   SamplerScratch& scratch) const {
  // Low enough that its weight is 0 beside any other, and finite, as the kernels want it.
  constexpr float kForbidden = -1e30F;
  bool has_allowed = false;
  for (float& z : logits) {
    if (z == -INFINITY) {
      z = kForbidden;
    } else {
      has_allowed = true;
    }
  }
  if (!has_allowed) return std::nullopt;
  const auto token = sample(logits, u, scratch);
  // A forbidden token has no weight, but rounding at the end of the line may point at one.
  if (!token || logits[static_cast<size_t>(token->id)] != kForbidden) return token;
  const auto best = std::max_element(logits.begin(), logits.end());
  return SampledToken{static_cast<int32_t>(best - logits.begin()), 0.0F, 0.0F};
}

/// Length of the ranked head that the filters keep; its weights exp(b (z - max)) lie in
/// scratch.weights. All ranked tokens kept means that more may have to be ranked.
size_t Sampler::count_kept(double b, double full_mass, SamplerScratch& scratch) const {
  const auto& head = scratch.candidates;
  auto& weights = scratch.weights;
  weights.clear();
  for (const auto& candidate : head)
    weights.push_back(std::exp(b * (double{candidate.logit} - double{head.front().logit})));
  double total = full_mass;
  if (top_k_ > 0) {
    total = 0.0;
    for (const double w : weights) total += w;
  }
  double before = 0.0;
  for (size_t i = 0; i < weights.size(); ++i) {
    const bool past_top_p = top_p_ < 1.0 && before >= top_p_ * total;
    if (i > 0 && (past_top_p || weights[i] < min_p_)) return i;
    before += weights[i];
  }
  return weights.size();
}

SampledToken Sampler::sample_truncated(std::span<const float> logits, float u, float log_sum_exp,
                                       float max, SamplerScratch& scratch) const {
  const auto n = static_cast<int64_t>(logits.size());
  const double b = inverse_temperature_;
  const double full_mass = std::exp(double{log_sum_exp} - b * double{max});
  // top-k ranks its k tokens at once: top-p then needs the mass of all of them.
  const int64_t most = top_k_ > 0 ? std::min(top_k_, n) : n;
  size_t kept = 0;
  for (int64_t k = top_k_ > 0 ? most : std::min(kFirstHead, most);;
       k = std::min(most, kHeadGrowth * k)) {
    rank_head(logits, k, scratch);
    kept = count_kept(b, full_mass, scratch);
    if (kept < static_cast<size_t>(k) || k == most) break;
  }
  double mass = 0.0;
  for (size_t i = 0; i < kept; ++i) mass += scratch.weights[i];
  size_t chosen = 0;
  double sum = 0.0;
  for (size_t i = 0; i < kept; ++i) {
    if (scratch.weights[i] > 0.0) chosen = i;
    sum += scratch.weights[i];
    if (sum > double{u} * mass) break;
  }
  const auto& token = scratch.candidates[chosen];
  const double logprob = b * (double{token.logit} - double{max}) - std::log(mass);
  return {token.id, static_cast<float>(logprob), inverse_temperature_ * token.logit - log_sum_exp};
}

}  // namespace gradus::rollout
