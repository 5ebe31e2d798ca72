#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <cmath>

#include "service/training/losses/token_loss.h"
#include "tests/catch.h"

using namespace gradus::service;

namespace {

/// Two sequences, of three tokens and of two; ratios on both sides of every threshold.
const std::vector<double> kNow = {-0.5, -1.0, -2.0, -0.1, -3.0};
const std::vector<double> kThen = {-0.9, -0.7, -2.05, -1.8, -1.0};
const std::vector<double> kAdvantages = {1.0, -2.0, 0.5, 1.5, -1.0};

struct ValueAndGradient {
  double value = 0;
  std::vector<double> gradient;
};

ValueAndGradient computed(const std::string& name, const std::map<std::string, double>& config) {
  const auto now = at::tensor(kNow, at::kDouble).requires_grad_(true);
  const std::map<std::string, at::Tensor> given = {
      {"logprobs", at::tensor(kThen, at::kDouble)},
      {"advantages", at::tensor(kAdvantages, at::kDouble)}};
  const auto sequence = at::tensor(std::vector<int64_t>{0, 0, 0, 1, 1}, at::kLong);
  const auto* loss = find_token_loss(name);
  REQUIRE(loss != nullptr);
  const auto sum = loss->sum({now, given, config, sequence, 2});
  const auto gradient = torch::autograd::grad({sum}, {now})[0].contiguous();
  const auto* values = gradient.data_ptr<double>();
  return {sum.item<double>(), {values, values + kNow.size()}};
}

/// Each token's value and derivative by a formula of (p, q, A).
template <typename Value, typename Slope>
void check_tokens(const ValueAndGradient& found, const Value& value, const Slope& slope) {
  double sum = 0;
  for (size_t i = 0; i < kNow.size(); ++i) {
    sum += value(kNow[i], kThen[i], kAdvantages[i]);
    CAPTURE(i);
    CHECK(found.gradient[i] == Approx(slope(kNow[i], kThen[i], kAdvantages[i])).margin(1e-12));
  }
  CHECK(found.value == Approx(sum).margin(1e-12));
}

}  // namespace

TEST_CASE("importance_sampling is -sum r A", "[service][training]") {
  const auto token = [](double p, double q, double a) { return -std::exp(p - q) * a; };
  check_tokens(computed("importance_sampling", {}), token, token);
}

TEST_CASE("ppo takes the smaller of both products, and clipped tokens have no gradient",
          "[service][training]") {
  const auto config = GENERATE(
      std::map<std::string, double>{},
      std::map<std::string, double>{{"clip_low_threshold", 0.5}, {"clip_high_threshold", 1.6}});
  const double low = config.empty() ? 0.8 : 0.5;
  const double high = config.empty() ? 1.2 : 1.6;
  const auto is_free = [=](double r, double a) { return a > 0 ? r < high : r > low; };
  check_tokens(
      computed("ppo", config),
      [=](double p, double q, double a) {
        const double r = std::exp(p - q);
        return -std::min(r * a, std::clamp(r, low, high) * a);
      },
      [=](double p, double q, double a) {
        const double r = std::exp(p - q);
        return is_free(r, a) ? -r * a : 0.0;
      });
}

TEST_CASE("cispo weighs every token's gradient by its clipped ratio", "[service][training]") {
  const auto weight = [](double p, double q) { return std::clamp(std::exp(p - q), 0.0, 4.0); };
  check_tokens(
      computed("cispo", {}), [=](double p, double q, double a) { return -weight(p, q) * p * a; },
      [=](double p, double q, double a) { return -weight(p, q) * a; });
}

TEST_CASE("dro holds the policy near the sampler by beta", "[service][training]") {
  const auto config =
      GENERATE(std::map<std::string, double>{}, std::map<std::string, double>{{"beta", 0.7}});
  const double beta = config.empty() ? 0.05 : 0.7;
  check_tokens(
      computed("dro", config),
      [=](double p, double q, double a) { return -(p * a - 0.5 * beta * (p - q) * (p - q)); },
      [=](double p, double q, double a) { return -(a - beta * (p - q)); });
}

TEST_CASE("gspo clips by a sequence's mean ratio", "[service][training]") {
  const double first = std::exp((0.4 - 0.3 + 0.05) / 3);  // inside [0.8, 1.2]
  const double second = std::exp((1.7 - 2.0) / 2);
  const std::vector<double> ratio = {first, first, first, second, second};
  REQUIRE((second > 0.8 && second < 1.2));
  const auto found = computed("gspo", {});
  double sum = 0;
  for (size_t i = 0; i < kNow.size(); ++i) {
    sum += -ratio[i] * kAdvantages[i];
    CHECK(found.gradient[i] == Approx(-ratio[i] * kAdvantages[i]));
  }
  CHECK(found.value == Approx(sum));

  const std::map<std::string, double> narrow = {{"clip_low_threshold", 0.9},
                                                {"clip_high_threshold", 1.01}};
  const auto clipped = computed("gspo", narrow);  // r1 = 1.051 is above, r2 = 0.861 below
  for (size_t i = 0; i < kNow.size(); ++i) {
    const bool is_free = kAdvantages[i] > 0 ? ratio[i] < 1.01 : ratio[i] > 0.9;
    CHECK(clipped.gradient[i] == Approx(is_free ? -ratio[i] * kAdvantages[i] : 0.0).margin(1e-12));
  }
}
