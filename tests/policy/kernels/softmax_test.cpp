#include "policy/kernels/softmax.h"

#include <algorithm>

#include "base/error.h"
#include "policy/kernels/kernel_table.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

struct Reference {
  double lse, entropy;
  std::vector<double> p;
};

Reference reference(const Grid& logits, int64_t r, double b) {
  Reference ref{0, 0, {}};
  double most = -HUGE_VAL;
  for (int64_t i = 0; i < logits.num_cols(); ++i) most = std::max(most, b * logits.get(r, i));
  for (int64_t i = 0; i < logits.num_cols(); ++i) {
    ref.p.push_back(std::exp(b * logits.get(r, i) - most));
    ref.lse += ref.p.back();
  }
  for (double& p : ref.p) {
    p /= ref.lse;
    if (p > 0) ref.entropy -= p * std::log(p);
  }
  ref.lse = most + std::log(ref.lse);
  return ref;
}

}  // namespace

TEST_CASE("exp is within two units in the last place", "[kernels][softmax]") {
  with_every_instruction_set([] {
    std::vector<float> x;
    for (float v = -87.0F; v < 88.7F; v += 0.00137F) x.push_back(v);
    std::vector<float> y(x.size());
    kernels().exp(x.data(), y.data(), std::ssize(x));
    double worst = 0;
    for (size_t i = 0; i < x.size(); ++i) {
      const double exact = std::exp(static_cast<double>(x[i]));
      const auto nearest = static_cast<float>(exact);
      const double ulp = std::nextafter(nearest, HUGE_VALF) - nearest;
      worst = std::max(worst, std::abs(y[i] - exact) / ulp);
    }
    CHECK(worst < 2.0);
  });
}

TEST_CASE("exp meets its limits and keeps NaN", "[kernels][softmax]") {
  with_every_instruction_set([] {
    const float x[] = {0.0F, -HUGE_VALF, HUGE_VALF, NAN, -200.0F, 200.0F, -100.0F, 88.72F};
    float y[8];
    kernels().exp(x, y, 8);
    CHECK(y[0] == 1.0F);
    CHECK(y[1] == 0.0F);
    CHECK(y[2] == HUGE_VALF);
    CHECK(std::isnan(y[3]));
    CHECK(y[4] == 0.0F);
    CHECK(y[5] == HUGE_VALF);
    CHECK(y[6] == Approx(std::exp(-100.0)).epsilon(0.05));  // subnormal
    CHECK(std::isfinite(y[7]));
  });
}

TEST_CASE("exp has the same bits on every set with fused multiply-add", "[kernels][softmax]") {
  std::vector<float> x;
  for (float v = -110.0F; v < 95.0F; v += 0.0117F) x.push_back(v);
  std::vector<std::vector<float>> results;
  with_every_instruction_set([&] {
    if (std::string(kernels().name) == "generic") return;
    results.emplace_back(x.size());
    kernels().exp(x.data(), results.back().data(), std::ssize(x));
  });
  for (const auto& result : results) CHECK(result == results.front());
}

TEST_CASE("logprobs and entropies equal their definition", "[kernels][softmax]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    for (int64_t n : {1, 7, 33, 5003}) {
      for (float b : {1.0F, 0.5F, 3.0F}) {
        Grid logits = Grid::random(5, n, 1, Type::f32, 3, 4.0F);
        if (n > 7) logits.set(2, 3, -HUGE_VALF);  // a token that was ruled out
        std::vector<int64_t> targets;
        for (int64_t r = 0; r < 5; ++r) targets.push_back(r * 1001 % n);
        std::vector<float> lp(5), h(5), lse(5);
        target_logprobs(team, logits.view(), targets, b, lp.data(), h.data(), lse.data());
        for (int64_t r = 0; r < 5; ++r) {
          const Reference ref = reference(logits, r, b);
          CHECK(lse[r] == Approx(ref.lse).epsilon(1e-6).margin(2e-6));
          CHECK(lp[r] ==
                Approx(b * logits.get(r, targets[r]) - ref.lse).epsilon(1e-6).margin(4e-6));
          CHECK(h[r] == Approx(ref.entropy).epsilon(1e-5).margin(4e-6));
          const float* row = static_cast<const float*>(logits.view().data) + r * (n + 3);
          CHECK(softmax_stats(row, n, b).log_sum_exp == lse[r]);
        }
        std::vector<float> lse_alone(5);
        target_logprobs(team, logits.view(), targets, b, lp.data(), nullptr, lse_alone.data());
        CHECK(lse_alone == lse);
      }
    }
  });
}

TEST_CASE("the gradient of logprobs and entropies equals finite differences",
          "[kernels][softmax]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    const float b = 0.8F;
    const Grid logits = Grid::random(3, 37, 1, Type::f32, 0, 2.0F);
    const std::vector<int64_t> targets{0, 36, 17};
    const float dlp[] = {0.7F, -1.3F, 0.0F};
    const float dh[] = {0.4F, -0.2F, 1.1F};
    std::vector<float> lp(3), h(3), lse(3);
    target_logprobs(team, logits.view(), targets, b, lp.data(), h.data(), lse.data());

    const auto objective = [&](const Grid& z, int64_t r) {
      const Reference ref = reference(z, r, b);
      return dlp[r] * (b * z.get(r, targets[r]) - ref.lse) + dh[r] * ref.entropy;
    };
    Grid expected(3, 37);
    for (int64_t r = 0; r < 3; ++r) {
      for (int64_t c = 0; c < 37; ++c) {
        Grid up = logits, down = logits;
        up.set(r, c, static_cast<float>(logits.get(r, c) + 1e-2));
        down.set(r, c, static_cast<float>(logits.get(r, c) - 1e-2));
        expected.set(r, c,
                     static_cast<float>((objective(up, r) - objective(down, r)) /
                                        (up.get(r, c) - down.get(r, c))));
      }
    }
    Grid in_place = logits;
    target_logprobs_backward(team, in_place.view(), targets, b, lse.data(), h.data(), dlp, dh,
                             in_place.view());
    CHECK(distance(in_place, expected) < 5e-5);
    Grid apart(3, 37, Type::bf16);
    target_logprobs_backward(team, logits.view(), targets, b, lse.data(), h.data(), dlp, dh,
                             apart.view());
    CHECK(distance(apart, expected) < tolerance(Type::bf16));
  });
}

TEST_CASE("a target outside of the vocabulary is refused", "[kernels][softmax]") {
  ThreadTeam team(1);
  const Grid logits = Grid::random(1, 5, 1);
  const std::vector<int64_t> targets{5};
  float x[3];
  CHECK_THROWS_AS(target_logprobs(team, logits.view(), targets, 1.0F, x, x + 1, x + 2),
                  gradus::ArgumentError);
}

TEST_CASE("a sample is the first index whose cumulative probability exceeds u",
          "[kernels][softmax]") {
  with_every_instruction_set([] {
    const int64_t n = 1000;
    Grid logits = Grid::random(1, n, 4, Type::f32, 0, 2.0F);
    for (int64_t i = 0; i < n; i += 3) logits.set(0, i, -HUGE_VALF);
    const Reference ref = reference(logits, 0, 1.3);
    const float lse = softmax_stats(logits.floats(), n, 1.3F).log_sum_exp;
    for (float u = 0.0F; u < 1.0F; u += 0.0113F) {
      const int64_t i = sample_index(logits.floats(), n, 1.3F, lse, u);
      double before = 0;
      for (int64_t j = 0; j < i; ++j) before += ref.p[j];
      CHECK(ref.p[i] > 0);
      CHECK(before <= u + 1e-5);
      CHECK(before + ref.p[i] > u - 1e-5);
    }
  });
}

TEST_CASE("a sample past the last probability falls on the last token that has one",
          "[kernels][softmax]") {
  with_every_instruction_set([] {
    Grid logits = Grid::random(1, 600, 4);
    for (int64_t i = 300; i < 600; ++i) logits.set(0, i, -HUGE_VALF);
    // A log sum that is too large leaves probability at the end.
    const float lse = softmax_stats(logits.floats(), 600, 1.0F).log_sum_exp + 0.1F;
    CHECK(sample_index(logits.floats(), 600, 1.0F, lse, 0.999F) == 299);
  });
}
