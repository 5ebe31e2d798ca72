#include "rl/evaluation/accuracy.h"

#include "base/error.h"
#include "tests/catch.h"

using namespace gradus::rl;

TEST_CASE("Wilson's interval agrees with published values", "[rl][accuracy]") {
  // Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
  const Estimate a = wilson_interval(81, 263);
  CHECK(a.low == Approx(0.2553).margin(5e-5));
  CHECK(a.high == Approx(0.3662).margin(5e-5));
  const Estimate b = wilson_interval(0, 20);
  CHECK(b.low == 0.0);
  CHECK(b.high == Approx(0.1611).margin(5e-5));
}

TEST_CASE("an evaluation without problems has no accuracy to claim", "[rl][accuracy]") {
  const Estimate none = wilson_interval(0, 0);
  CHECK(none.low == 0.0);
  CHECK(none.high == 1.0);
}

TEST_CASE("with several samples the interval is one of a mean over problems", "[rl][accuracy]") {
  const std::vector<double> shares{0.0, 0.5, 1.0, 0.5};
  const Estimate mean = accuracy_by_problem(shares);
  CHECK(mean.value == 0.5);
  CHECK(mean.high - mean.value == Approx(1.959964 * std::sqrt(0.5 / 3.0 / 4.0)));
  const std::vector<double> single{1.0, 0.0, 1.0, 1.0};
  CHECK(accuracy_by_problem(single).low == Approx(wilson_interval(3, 4).low));
}

TEST_CASE("pass@k is the share of k-subsets that hold a right sample", "[rl][accuracy]") {
  CHECK(pass_at_k(4, 1, 1) == Approx(0.25));
  CHECK(pass_at_k(4, 1, 2) == Approx(0.5));
  CHECK(pass_at_k(4, 2, 2) == Approx(1.0 - 1.0 / 6.0));
  CHECK(pass_at_k(4, 0, 4) == 0.0);
  CHECK(pass_at_k(4, 1, 4) == 1.0);
  CHECK_THROWS_AS(pass_at_k(4, 1, 5), gradus::ArgumentError);
}
