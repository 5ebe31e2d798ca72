#include "rollout/engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"
#include "base/random.h"
#include "policy/kernels/softmax.h"
#include "tests/catch.h"

using namespace gradus;
using namespace gradus::rollout;

namespace {

std::vector<float> random_logits(int n, uint64_t seed) {
  RandomStream random(seed);
  std::vector<float> logits(static_cast<size_t>(n));
  for (float& z : logits) z = static_cast<float>(3.0 * random.normal());
  return logits;
}

/// The filters written out over all tokens, in double.
std::vector<double> filtered_probabilities(const std::vector<float>& z, const SamplingConfig& c) {
  std::vector<size_t> order(z.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return z[a] > z[b]; });
  if (c.top_k > 0) order.resize(std::min(order.size(), static_cast<size_t>(c.top_k)));
  const auto weight = [&](size_t i) {
    return std::exp((double{z[i]} - z[order[0]]) / c.temperature);
  };
  double mass = 0.0;
  for (const size_t i : order) mass += weight(i);
  double before = 0.0;
  std::vector<size_t> kept;
  for (const size_t i : order) {
    if (!kept.empty() && c.top_p < 1.0 && before >= c.top_p * mass) break;
    before += weight(i);
    if (weight(i) >= c.min_p) kept.push_back(i);
  }
  double total = 0.0;
  for (const size_t i : kept) total += weight(i);
  std::vector<double> p(z.size(), 0.0);
  for (const size_t i : kept) p[i] = weight(i) / total;
  return p;
}

SampledToken draw(const SamplingConfig& config, const std::vector<float>& logits, float u) {
  SamplerScratch scratch;
  return Sampler(config).sample(logits, u, scratch).value();
}

}  // namespace

TEST_CASE("greedy sampling takes the likeliest token, the first of equal ones",
          "[rollout][sampler]") {
  SamplingConfig config;
  config.temperature = 0.0;
  const auto token = draw(config, {0.0F, 2.0F, 2.0F, 1.0F}, 0.9F);
  CHECK(token.id == 1);
  const double lse = std::log(1.0 + 2.0 * std::exp(2.0) + std::exp(1.0));
  CHECK(token.logprob == Approx(2.0 - lse).epsilon(1e-6));
  CHECK(token.policy_logprob == token.logprob);
}

TEST_CASE("without filters the logprob has the bits that the trainer computes",
          "[rollout][sampler]") {
  auto logits = random_logits(5000, 3);
  SamplingConfig config;
  config.temperature = 0.7;
  RandomStream random(9);
  ThreadTeam team(1);
  for (int i = 0; i < 50; ++i) {
    const auto token = draw(config, logits, random.uniform());
    const std::vector<int64_t> target{token.id};
    float expected = 0.0F;
    float lse = 0.0F;
    const auto n = static_cast<int64_t>(logits.size());
    const policy::kernels::ConstMatrix row{logits.data(), policy::kernels::Type::f32, 1, n, n};
    policy::kernels::target_logprobs(team, row, target, static_cast<float>(1.0 / 0.7), &expected,
                                     nullptr, &lse);
    REQUIRE(token.logprob == expected);
    REQUIRE(token.policy_logprob == expected);
  }
}

TEST_CASE("filters give the renormalised distribution that they define", "[rollout][sampler]") {
  const auto logits = random_logits(3000, 17);
  const auto seed = GENERATE(range(0, 12));
  SamplingConfig config;
  config.temperature = seed % 2 == 0 ? 1.0 : 0.6;
  config.top_k = seed % 3 == 0 ? 0 : 40 * seed;
  config.top_p = seed % 4 == 0 ? 1.0 : 0.93;
  config.min_p = seed % 5 == 0 ? 0.02 : 0.0;
  if (config.top_k == 0 && config.top_p == 1.0 && config.min_p == 0.0) config.min_p = 0.001;
  const auto expected = filtered_probabilities(logits, config);
  RandomStream random(static_cast<uint64_t>(seed));
  for (int i = 0; i < 200; ++i) {
    const auto token = draw(config, logits, random.uniform());
    const double p = expected[static_cast<size_t>(token.id)];
    REQUIRE(p > 0.0);
    REQUIRE(token.logprob == Approx(std::log(p)).margin(2e-5));
    REQUIRE(token.policy_logprob <= token.logprob + 1e-5);
  }
}

TEST_CASE("draws follow the distribution", "[rollout][sampler]") {
  const std::vector<float> logits{0.0F, 1.0F, 2.0F, -1.0F};
  SamplingConfig config;
  config.top_p = GENERATE(1.0, 0.9);
  const auto p = filtered_probabilities(logits, config);
  std::vector<int> count(4);
  RandomStream random(1);
  const int n = 20000;
  for (int i = 0; i < n; ++i)
    ++count[static_cast<size_t>(draw(config, logits, random.uniform()).id)];
  for (size_t i = 0; i < 4; ++i) CHECK(count[i] / double{n} == Approx(p[i]).margin(0.015));
}

TEST_CASE("of equal logits the lower ids survive top-k", "[rollout][sampler]") {
  const std::vector<float> logits(2000, 1.0F);
  SamplingConfig config;
  config.top_k = 3;
  for (const float u : {0.0F, 0.4F, 0.999F}) CHECK(draw(config, logits, u).id < 3);
  CHECK(draw(config, logits, 0.5F).logprob == Approx(std::log(1.0 / 3.0)));
}

TEST_CASE("top-p of zero and min-p of one leave the likeliest token", "[rollout][sampler]") {
  const auto logits = random_logits(500, 4);
  const auto best = std::max_element(logits.begin(), logits.end()) - logits.begin();
  SamplingConfig top_p;
  top_p.top_p = 0.0;
  SamplingConfig min_p;
  min_p.min_p = 1.0;
  for (const auto& config : {top_p, min_p}) {
    const auto token = draw(config, logits, 0.77F);
    CHECK(token.id == best);
    CHECK(token.logprob == 0.0F);
  }
}

TEST_CASE("nothing is sampled from logits that are not finite", "[rollout][sampler]") {
  const float bad = GENERATE(std::numeric_limits<float>::quiet_NaN(), INFINITY, -INFINITY);
  auto logits = random_logits(777, 5);
  logits[700] = bad;
  SamplerScratch scratch;
  CHECK_FALSE(Sampler({}).sample(logits, 0.5F, scratch).has_value());
}

TEST_CASE("sampling settings out of range are refused by name", "[rollout][sampler]") {
  SamplingConfig config;
  config.top_p = 1.5;
  CHECK_THROWS_AS(Sampler(config), ArgumentError);
  CHECK_THROWS_WITH(Sampler(config), Catch::Contains("top_p"));
  // Neither greedy nor a temperature that floats can divide by.
  for (const double temperature : {1e-300, 1e-6, 9e-4, -1.0, 101.0}) {
    SamplingConfig odd;
    odd.temperature = temperature;
    CHECK_THROWS_WITH(Sampler(odd), Catch::Contains("0 (greedy), or from 0.001"));
  }
}
