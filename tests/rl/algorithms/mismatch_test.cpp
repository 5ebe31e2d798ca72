#include "rl/algorithms/mismatch/mismatch.h"

#include <ATen/ops/ones.h>

#include <cmath>
#include <vector>

#include "tests/catch.h"
#include "tests/rl/vectors.h"

using namespace gradus::rl;

namespace {

/// Two completions, of two and three tokens, with rho = 2, 0.25 | 3, 0.5, 1.
LossInputs two_completions() {
  LossInputs in;
  in.old_logprobs = floats({std::log(2.0), std::log(0.25), std::log(3.0), std::log(0.5), 0.0});
  in.logprobs = in.old_logprobs;
  in.is_live = at::ones({5}, at::kBool);
  in.sequence = integers({0, 0, 1, 1, 1});
  in.num_sequences = 2;
  return in;
}

void check_weights(const char* mode, const std::vector<double>& expected) {
  const MismatchConfig config{.mode = mode, .max = 2.5, .min = 0.6};
  const auto weights =
      values_of(mismatch_weights(two_completions(), floats({0, 0, 0, 0, 0}), config));
  for (size_t i = 0; i < expected.size(); ++i) CHECK(weights[i] == Approx(expected[i]));
}

}  // namespace

TEST_CASE("mismatch weights are held or masked by token or by completion", "[rl][mismatch]") {
  check_weights("none", {1, 1, 1, 1, 1});
  check_weights("token_truncate", {2, 0.6, 2.5, 0.6, 1});
  check_weights("token_mask", {2, 0, 0, 0, 1});
  check_weights("sequence_truncate", {0.6, 0.6, 1.5, 1.5, 1.5});
  check_weights("sequence_mask", {0, 0, 1.5, 1.5, 1.5});
}

TEST_CASE("an unknown sampler logprob counts as a ratio of one", "[rl][mismatch]") {
  const MismatchConfig config{.mode = "sequence_truncate", .max = 100.0, .min = 0.0};
  const auto weights =
      values_of(mismatch_weights(two_completions(), floats({0, NAN, 0, 0, NAN}), config));
  CHECK(weights[0] == Approx(2.0));
  CHECK(weights[2] == Approx(1.5));
}

TEST_CASE("sampler and trainer are compared by their formulas", "[rl][mismatch]") {
  SamplerComparison comparison;
  comparison.add(floats({-1.0, -2.0}), floats({-1.0, -2.5}));
  comparison.add(floats({-3.0, -1.0}), floats({-2.5, NAN}));
  Metrics m;
  comparison.report(m);
  const double up = std::exp(0.5);
  const double down = std::exp(-0.5);
  CHECK(comparison.num_tokens() == 3);
  CHECK(m.at("sampling/logp_difference/mean") == Approx(1.0 / 3.0));
  CHECK(m.at("sampling/logp_difference/max") == Approx(0.5));
  CHECK(m.at("sampling/k3") == Approx((up - 1.5 + down - 0.5) / 3.0));
  CHECK(m.at("sampling/importance_ratio/min") == Approx(down));
  CHECK(m.at("sampling/importance_ratio/mean") == Approx((1 + up + down) / 3.0));
  CHECK(m.at("sampling/importance_ratio/max") == Approx(up));
  CHECK(m.at("sampling/ess") ==
        Approx(std::pow(1 + up + down, 2) / (3 * (1 + up * up + down * down))));
  CHECK(m.at("sampling/exact_share") == Approx(1.0 / 3.0));
}

TEST_CASE("nothing is reported where no token could be compared", "[rl][mismatch]") {
  SamplerComparison comparison;
  comparison.add(floats({-1.0}), floats({NAN}));
  Metrics metrics;
  comparison.report(metrics);
  CHECK(metrics.empty());
}
