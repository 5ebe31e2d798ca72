#include "policy/kernels/optimizer/adamw_8bit.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/random.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::RandomStream;
using gradus::ThreadTeam;

namespace {

/// Parameters with their 8-bit moments.
struct Trained {
  explicit Trained(std::vector<float> start)
      : values(std::move(start)),
        first(values.size(), 127),
        root(values.size(), 0),
        first_scales((values.size() + kMomentBlock - 1) / kMomentBlock),
        root_scales(first_scales.size()) {}

  void step(ThreadTeam& team, const std::vector<float>& grad, const AdamWStep& settings,
            uint32_t stream = 0) {
    adamw_8bit_step(team, values.data(), grad.data(), {first.data(), first_scales.data()},
                    {root.data(), root_scales.data()}, std::ssize(values), settings, stream);
  }

  float first_moment(size_t i) const {
    return dynamic_levels(true)[first[i]] * first_scales[i / kMomentBlock];
  }
  float root_moment(size_t i) const {
    return dynamic_levels(false)[root[i]] * root_scales[i / kMomentBlock];
  }

  bool operator==(const Trained&) const = default;

  std::vector<float> values;
  std::vector<uint8_t> first, root;
  std::vector<float> first_scales, root_scales;
};

/// Magnitudes over ten decades, either sign.
std::vector<float> wide_gradient(size_t n, uint64_t seed) {
  RandomStream random(seed);
  std::vector<float> grad(n);
  for (float& g : grad) {
    const double magnitude = std::pow(10.0, -10.0 * random.uniform());
    g = static_cast<float>(random.uniform() < 0.5 ? -magnitude : magnitude);
  }
  return grad;
}

/// Distance between the levels around x, as a share of the scale.
double gap_at(bool is_signed, double x) {
  const auto& levels = dynamic_levels(is_signed);
  const auto above = std::upper_bound(levels.begin(), levels.end(), static_cast<float>(x));
  if (above == levels.begin()) return levels[1] - levels[0];
  if (above == levels.end()) return levels[255] - levels[254];
  return *above - *(above - 1);
}

}  // namespace

TEST_CASE("the dynamic levels are those of the paper: ascending, seven decades",
          "[kernels][adamw]") {
  for (const bool is_signed : {true, false}) {
    const auto& levels = dynamic_levels(is_signed);
    CHECK(std::is_sorted(levels.begin(), levels.end()));
    CHECK(std::adjacent_find(levels.begin(), levels.end()) == levels.end());
    CHECK(levels[255] == 1.0F);
    CHECK(levels[is_signed ? 127 : 0] == 0.0F);
    CHECK(levels[is_signed ? 128 : 1] == Approx(is_signed ? 0.55e-6 : 0.325e-6));
    CHECK(levels[254] == Approx(is_signed ? 1 - 0.45 / 64 : 1 - 0.45 / 128));
  }
}

TEST_CASE("8-bit moments lie within a level of the exact ones", "[kernels][adamw]") {
  ThreadTeam team(1);
  with_every_instruction_set([&] {
    const std::vector<float> grad = wide_gradient(5000, 3);
    Trained trained(std::vector<float>(grad.size(), 1.0F));
    trained.step(team, grad, {1e-2F, 0.9F, 0.99F, 1e-8F, 0.0F, 1.0F, 1});
    for (size_t i = 0; i < grad.size(); ++i) {
      const double m = 0.1 * grad[i], m_scale = trained.first_scales[i / kMomentBlock];
      const double r = 0.1 * std::abs(grad[i]), r_scale = trained.root_scales[i / kMomentBlock];
      REQUIRE(std::abs(trained.first_moment(i) - m) <=
              gap_at(true, m / m_scale) * std::abs(m_scale) * 1.001);
      REQUIRE(std::abs(trained.root_moment(i) - r) <= gap_at(false, r / r_scale) * r_scale * 1.001);
      REQUIRE(trained.root[i] > 0);  // a step never divides by 0 where a gradient has been
    }
  });
}

TEST_CASE("8-bit rounding keeps the mean, so that slow decays go on", "[kernels][adamw]") {
  ThreadTeam team(1);
  const std::vector<float> grad = {1.0F, -0.4321F, 0.01234F, -3.3e-4F, 2.2e-6F};
  constexpr int kStreams = 4000;
  with_every_instruction_set([&] {
    std::vector<double> first(grad.size()), root(grad.size());
    for (int stream = 0; stream < kStreams; ++stream) {
      Trained trained(std::vector<float>(grad.size(), 0.0F));
      trained.step(team, grad, {0.0F, 0.9F, 0.99F, 1e-8F, 0.0F, 1.0F, 1},
                   static_cast<uint32_t>(stream));
      for (size_t i = 0; i < grad.size(); ++i) {
        first[i] += trained.first_moment(i) / kStreams;
        root[i] += trained.root_moment(i) / kStreams;
      }
    }
    for (size_t i = 0; i < grad.size(); ++i) {
      // The mean of kStreams values that are spread over a gap of levels.
      const double error = 4.0 / std::sqrt(kStreams);
      CHECK(std::abs(first[i] - 0.1 * grad[i]) <= error * gap_at(true, grad[i]) * 0.1);
      CHECK(std::abs(root[i] - 0.1 * std::abs(grad[i])) <=
            error * gap_at(false, std::abs(grad[i])) * 0.1);
    }
  });
}

TEST_CASE("8-bit moments of a level's own value stay at that level", "[kernels][adamw]") {
  ThreadTeam team(1);
  with_every_instruction_set([&] {
    // No decay and no gradient: the moments go through decoding and encoding alone.
    Trained trained(std::vector<float>(kMomentBlock, 1.0F));
    for (size_t i = 0; i < kMomentBlock; ++i) {
      trained.first[i] = static_cast<uint8_t>(i);
      trained.root[i] = static_cast<uint8_t>(i);
    }
    trained.first_scales[0] = -0.37F;
    trained.root_scales[0] = 0.0021F;
    const Trained before = trained;
    trained.step(team, std::vector<float>(kMomentBlock), {0.0F, 1.0F, 1.0F, 1e-8F, 0.0F, 1.0F, 1});
    CHECK(trained.first_scales == before.first_scales);
    CHECK(trained.root_scales[0] == Approx(before.root_scales[0]));
    CHECK(trained.first == before.first);
    CHECK(trained.root == before.root);
  });
}

TEST_CASE("8-bit AdamW follows float32's on a noisy quadratic and is the same for any team",
          "[kernels][adamw]") {
  constexpr size_t kN = 20000;
  const auto train = [](int size, bool is_8bit) {
    ThreadTeam team(size);
    RandomStream random(7);
    Trained trained(std::vector<float>(kN, 1.0F));
    std::vector<float> m(kN), v(kN), grad(kN);
    for (int64_t t = 1; t <= 300; ++t) {
      for (size_t i = 0; i < kN; ++i) {
        // Curvatures over four decades, noise of a tenth of the start.
        const double curvature = std::pow(10.0, -4.0 * static_cast<double>(i) / kN);
        grad[i] =
            static_cast<float>(curvature * (trained.values[i] + 0.2 * random.uniform() - 0.1));
      }
      const AdamWStep step{5e-3F, 0.9F, 0.999F, 1e-8F, 0.0F, 1.0F, t};
      if (is_8bit) {
        trained.step(team, grad, step);
      } else {
        adamw_step(team, trained.values.data(), grad.data(), m.data(), v.data(), kN, step);
      }
    }
    return trained;
  };
  const Trained compact = train(1, true);
  CHECK(train(3, true) == compact);
  const Trained exact = train(1, false);
  const auto loss = [](const Trained& t) {
    double sum = 0;
    for (float x : t.values) sum += static_cast<double>(x) * x;
    return sum / kN;
  };
  CHECK(loss(exact) < 0.05);
  CHECK(loss(compact) == Approx(loss(exact)).epsilon(0.05));
}
