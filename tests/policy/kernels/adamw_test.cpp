#include "policy/kernels/optimizer/adamw.h"

#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

TEST_CASE("an AdamW step follows torch.optim.AdamW's formula for any team", "[kernels][adamw]") {
  with_every_instruction_set([] {
    const int64_t n = 100003;
    const Grid g = Grid::random(1, n, 1);
    const Grid p0 = Grid::random(1, n, 2), m0 = Grid::random(1, n, 3);
    Grid v0 = Grid::random(1, n, 4);
    for (int64_t i = 0; i < n; ++i) v0.set(0, i, static_cast<float>(std::abs(v0.get(0, i))));
    const AdamWStep step{1e-2F, 0.9F, 0.95F, 1e-8F, 0.1F, 0.5F, 3};
    const auto run = [&](int size) {
      ThreadTeam team(size);
      std::vector<Grid> state{p0, m0, v0};
      adamw_step(team, state[0].floats(), g.floats(), state[1].floats(), state[2].floats(), n,
                 step);
      return state;
    };
    const std::vector<Grid> state = run(1);
    double worst = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double grad = 0.5 * g.get(0, i);
      const double m = 0.9 * m0.get(0, i) + 0.1 * grad;
      const double v = 0.95 * v0.get(0, i) + 0.05 * grad * grad;
      const double root = std::sqrt(v / (1 - std::pow(0.95, 3))) + 1e-8;
      const double p = p0.get(0, i) * (1 - 1e-2 * 0.1) - 1e-2 / (1 - std::pow(0.9, 3)) * m / root;
      worst = std::max({worst, std::abs(p - state[0].get(0, i)), std::abs(m - state[1].get(0, i)),
                        std::abs(v - state[2].get(0, i))});
    }
    CHECK(worst < 2e-6);
    CHECK(run(4) == state);
  });
}

TEST_CASE("a sum of squares is exact enough, in range, and the same for any team",
          "[kernels][adamw]") {
  with_every_instruction_set([] {
    const int64_t n = 200001;
    Grid x = Grid::random(1, n, 1);
    x.set(0, 5, 1e25F);  // its square has no float32
    double expected = 0;
    for (int64_t i = 0; i < n; ++i) expected += x.get(0, i) * x.get(0, i);
    ThreadTeam one(1), three(3);
    const double sum = sum_squares(one, x.floats(), n);
    CHECK(sum == Approx(expected).epsilon(1e-12));
    CHECK(sum_squares(three, x.floats(), n) == sum);
  });
}

TEST_CASE("one NaN or infinity among many values is found", "[kernels][adamw]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    const int64_t n = 70001;
    Grid x = Grid::random(1, n, 1);
    CHECK(all_finite(team, x.floats(), n));
    for (float bad : {NAN, HUGE_VALF, -HUGE_VALF}) {
      Grid y = x;
      y.set(0, n - 1, bad);
      CHECK_FALSE(all_finite(team, y.floats(), n));
    }
  });
}

TEST_CASE("bf16 is rounded to nearest even, and NaN stays NaN", "[kernels][adamw]") {
  ThreadTeam team(2);
  with_every_instruction_set([&] {
    std::vector<float> x{0.0F, -0.0F, 1.0F, HUGE_VALF, -HUGE_VALF, 3.4e38F, 1e-40F, -1e-45F};
    for (uint32_t bits : {0x3f808000U, 0x3f818000U, 0x3f808001U, 0x3f817fffU, 0x7f800001U,
                          0xffc12345U, 0x7fffffffU}) {
      float value;
      std::memcpy(&value, &bits, sizeof value);
      x.push_back(value);
    }
    std::vector<uint16_t> y(x.size());
    to_bf16(team, x.data(), y.data(), std::ssize(x));
    for (size_t i = 0; i < x.size(); ++i) CHECK(y[i] == Grid::bf16_of(x[i]));
    std::vector<float> back(x.size());
    to_f32(team, y.data(), back.data(), std::ssize(x));
    for (size_t i = 0; i < x.size(); ++i) {
      CHECK((std::isnan(back[i]) ? std::isnan(x[i]) : Grid::bf16_of(back[i]) == y[i]));
    }
  });
}
