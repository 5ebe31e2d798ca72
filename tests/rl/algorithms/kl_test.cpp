#include "rl/algorithms/kl/kl.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/sum.h>

#include <cmath>
#include <vector>

#include "tests/catch.h"
#include "tests/rl/vectors.h"

using namespace gradus::rl;

namespace {

/// A policy over five tokens, the one that sampled, and the reference, by their logits.
const std::vector<double> kPolicy{0.3, -0.8, 1.1, 0.0, 0.4};
const std::vector<double> kOld{0.1, 0.2, 0.6, -0.5, 0.9};
const std::vector<double> kReference{-0.4, 0.5, 0.2, 0.9, -1.0};

at::Tensor log_policy(const std::vector<double>& logits) {
  return at::log_softmax(floats(logits), 0);
}

/// The expected gradient in the policy's logits of what enters the loss, over tokens drawn from
/// `sampler`, and the expected metric.
struct Expectation {
  std::vector<double> gradient;
  double value = 0.0;
};

Expectation expected(const std::vector<double>& sampler, const char* estimator,
                     KlGradient gradient) {
  const at::Tensor logits = floats(kPolicy).set_requires_grad(true);
  const auto old = log_policy(sampler);
  const auto terms = kl_terms(at::log_softmax(logits, 0), old, log_policy(kReference),
                              kl_estimators().at(estimator), gradient);
  (old.exp() * terms.loss).sum().backward();
  return {values_of(logits.grad()), (old.exp() * terms.value).sum().item<double>()};
}

/// The exact gradient of sum_v p_v (log p_v - log q_v).
std::vector<double> exact_gradient() {
  const at::Tensor logits = floats(kPolicy).set_requires_grad(true);
  const auto lp = at::log_softmax(logits, 0);
  (lp.exp() * (lp - log_policy(kReference))).sum().backward();
  return values_of(logits.grad());
}

void check_equal(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i] == Approx(b[i]).margin(2e-7));
}

double exact_kl() {
  const auto lp = log_policy(kPolicy);
  return (lp.exp() * (lp - log_policy(kReference))).sum().item<double>();
}

}  // namespace

TEST_CASE("the estimates have their formulas' values", "[rl][kl]") {
  const auto lp = floats({-1.0});
  const auto reference = floats({-1.5});
  const auto value = [&](const char* e) {
    return kl_terms(lp, lp, reference, kl_estimators().at(e), KlGradient::own).value.item<double>();
  };
  CHECK(value("k1") == Approx(0.5));
  CHECK(value("k2") == Approx(0.125));
  CHECK(value("k3") == Approx(std::exp(-0.5) + 0.5 - 1.0));
}

TEST_CASE("k1 and k3 estimate the divergence without bias", "[rl][kl]") {
  CHECK(expected(kPolicy, "k1", KlGradient::own).value == Approx(exact_kl()));
  CHECK(expected(kPolicy, "k3", KlGradient::own).value == Approx(exact_kl()));
}

TEST_CASE("weighted by the ratio, k1 and k3 have the exact expected gradient, off policy too",
          "[rl][kl]") {
  for (const char* estimator : {"k1", "k3"}) {
    check_equal(expected(kPolicy, estimator, KlGradient::ratio).gradient, exact_gradient());
    check_equal(expected(kOld, estimator, KlGradient::ratio).gradient, exact_gradient());
  }
}

TEST_CASE("with k2's gradient every estimate has the exact expected gradient on policy",
          "[rl][kl]") {
  for (const char* estimator : {"k1", "k2", "k3"}) {
    check_equal(expected(kPolicy, estimator, KlGradient::k2).gradient, exact_gradient());
  }
}

TEST_CASE("k1's own gradient is zero in expectation and k3's is biased", "[rl][kl]") {
  for (const double g : expected(kPolicy, "k1", KlGradient::own).gradient) {
    CHECK(g == Approx(0.0).margin(1e-7));
  }
  // k3's own is the gradient of KL(reference || policy): p - q in the logits.
  const auto p = values_of(log_policy(kPolicy).exp());
  const auto q = values_of(log_policy(kReference).exp());
  const auto k3 = expected(kPolicy, "k3", KlGradient::own).gradient;
  for (size_t i = 0; i < p.size(); ++i) CHECK(k3[i] == Approx(p[i] - q[i]).margin(2e-7));
}

TEST_CASE("equal policies have a divergence of exactly zero", "[rl][kl]") {
  const auto lp = log_policy(kPolicy);
  for (const char* estimator : {"k1", "k2", "k3"}) {
    for (const double v :
         values_of(kl_terms(lp, lp, lp, kl_estimators().at(estimator), KlGradient::ratio).value)) {
      CHECK(v == 0.0);
    }
  }
}
