#include "policy/kernels/router.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "tests/policy/kernels/grid.h"

using namespace gradus::policy::kernels;
using gradus::ThreadTeam;

namespace {

Grid grid_of(int64_t rows, const std::vector<float>& values) {
  const auto cols = static_cast<int64_t>(values.size()) / rows;
  Grid grid(rows, cols);
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) grid.set(r, c, values[static_cast<size_t>(r * cols + c)]);
  }
  return grid;
}

std::vector<int32_t> choose(const Grid& scores, const float* bias, const RouterShape& shape) {
  ThreadTeam team(2);
  std::vector<int32_t> chosen(static_cast<size_t>(scores.num_rows() * shape.per_token));
  choose_experts(team, scores.view(), bias, shape, chosen);
  return chosen;
}

/// sum of dw . w + the balance loss, in doubles from logits.
double objective(const std::vector<double>& logits, const std::vector<int32_t>& chosen,
                 const RouterShape& shape, const std::vector<float>& dw,
                 const std::vector<double>& slopes) {
  const auto E = static_cast<size_t>(shape.num_experts);
  const auto K = static_cast<size_t>(shape.per_token);
  double sum = 0;
  for (size_t t = 0; t * E < logits.size(); ++t) {
    std::vector<double> s(E);
    for (size_t e = 0; e < E; ++e) {
      const double z = logits[t * E + e];
      s[e] = shape.scoring == RouterScoring::sigmoid ? 1 / (1 + std::exp(-z)) : std::exp(z);
    }
    const double all = std::accumulate(s.begin(), s.end(), 0.0);
    if (shape.scoring == RouterScoring::softmax) {
      for (double& x : s) x /= all;
    }
    double chosen_sum = 0;
    for (size_t k = 0; k < K; ++k) chosen_sum += s[static_cast<size_t>(chosen[t * K + k])];
    for (size_t k = 0; k < K; ++k) {
      const double w = s[static_cast<size_t>(chosen[t * K + k])];
      sum += dw[t * K + k] * shape.scale * (shape.normalize ? w / chosen_sum : w);
    }
    const double total = std::accumulate(s.begin(), s.end(), 0.0);
    for (size_t e = 0; e < E; ++e) sum += slopes[t * E + e] * s[e] / total;
  }
  return sum;
}

}  // namespace

TEST_CASE("of equal scores the experts with the lower numbers are chosen", "[kernels][router]") {
  RouterShape shape;
  shape.num_experts = 6;
  shape.per_token = 3;
  const Grid equal = grid_of(2, {.5F, .5F, .5F, .5F, .5F, .5F, .1F, .5F, .2F, .2F, .5F, .2F});
  CHECK(choose(equal, nullptr, shape) == std::vector<int32_t>{0, 1, 2, 1, 2, 4});
}

TEST_CASE("the bias decides the choice and not the weight", "[kernels][router]") {
  ThreadTeam team(1);
  RouterShape shape;
  shape.num_experts = 4;
  shape.per_token = 2;
  shape.scoring = RouterScoring::sigmoid;
  shape.normalize = true;
  shape.scale = 2.5F;
  const Grid scores = grid_of(1, {.8F, .6F, .4F, .2F});
  const float bias[] = {-1.0F, 0.0F, 0.0F, 1.0F};
  const auto chosen = choose(scores, bias, shape);
  CHECK(chosen == std::vector<int32_t>{1, 3});
  std::vector<float> weights(2);
  expert_weights(team, scores.view(), chosen, shape, weights);
  CHECK(weights[0] == Approx(2.5 * 0.75));
  CHECK(weights[1] == Approx(2.5 * 0.25));
}

TEST_CASE("experts of groups that are not kept are never chosen", "[kernels][router]") {
  RouterShape shape;
  shape.num_experts = 8;
  shape.per_token = 3;
  shape.num_groups = 4;
  shape.kept_groups = 2;
  // The single best expert, 0, is in a group whose two best are worth less than others'.
  const Grid scores = grid_of(1, {.9F, .0F, .5F, .6F, .5F, .5F, .1F, .2F});
  CHECK(choose(scores, nullptr, shape) == std::vector<int32_t>{2, 3, 4});
  // Groups of equal worth: the first ones. All scores negative by the bias.
  const std::vector<float> bias(8, -3.0F);
  const Grid equal = grid_of(1, std::vector<float>(8, .5F));
  CHECK(choose(equal, bias.data(), shape) == std::vector<int32_t>{0, 1, 2});
  shape.num_groups = 3;
  CHECK_THROWS_AS(choose(scores, nullptr, shape), gradus::ArgumentError);
}

TEST_CASE("scores that are no numbers still give valid experts", "[kernels][router]") {
  RouterShape shape;
  shape.num_experts = 8;
  shape.per_token = 3;
  shape.num_groups = 4;
  shape.kept_groups = 2;
  const Grid scores = grid_of(1, std::vector<float>(8, std::nanf("")));
  auto chosen = choose(scores, nullptr, shape);
  CHECK(std::ranges::is_sorted(chosen));
  CHECK(std::ranges::adjacent_find(chosen) == chosen.end());
  CHECK(chosen.back() < 8);
}

TEST_CASE("the router's gradient is that of its weights and of the balance loss",
          "[kernels][router]") {
  ThreadTeam team(2);
  const int64_t T = 5;
  for (const RouterScoring scoring : {RouterScoring::sigmoid, RouterScoring::softmax}) {
    for (const bool normalize : {true, false}) {
      RouterShape shape;
      shape.num_experts = 6;
      shape.per_token = 2;
      shape.scoring = scoring;
      shape.normalize = normalize;
      shape.scale = 1.7F;
      Grid scores = Grid::random(T, 6, 3);
      std::vector<double> logits;
      for (int64_t i = 0; i < T * 6; ++i) logits.push_back(scores.get(i / 6, i % 6));
      router_scores(team, scores.view(), scoring);
      const auto chosen = choose(scores, nullptr, shape);
      const std::vector<float> dw{.3F, -1.F, 2.F, .5F, -.2F, .7F, 1.F, 1.F, -.4F, .1F};
      const std::vector<int64_t> lengths{2, 0, 3};
      const SequenceBalance balance(lengths, chosen, shape, 4.0);
      std::vector<double> slopes;
      for (int64_t i = 0; i < T * 6; ++i) slopes.push_back(balance.slope(i / 6)[i % 6]);
      double loss = 0;
      for (int s = 0; s < 3; ++s) {
        // By the definition, sequence by sequence.
        const int64_t begin = s == 0 ? 0 : 2;
        const int64_t length = lengths[static_cast<size_t>(s)];
        for (int e = 0; e < 6 && length > 0; ++e) {
          double P = 0;
          int count = 0;
          for (int64_t t = begin; t < begin + length; ++t) {
            double all = 0;
            for (int j = 0; j < 6; ++j) all += scores.get(t, j);
            P += scores.get(t, e) / all / static_cast<double>(length);
            for (int k = 0; k < 2; ++k) count += chosen[static_cast<size_t>(t * 2 + k)] == e;
          }
          loss += 4.0 * (6.0 / (2.0 * static_cast<double>(length))) * count * P;
        }
      }
      CHECK(balance.loss(scores.view()) == Approx(loss).epsilon(1e-5));

      Grid dlogits(T, 6);
      router_backward(team, scores.view(), chosen, shape, dw, &balance, dlogits.view());
      for (size_t i = 0; i < logits.size(); ++i) {
        auto above = logits;
        auto below = logits;
        above[i] += 1e-4;
        below[i] -= 1e-4;
        const double slope = (objective(above, chosen, shape, dw, slopes) -
                              objective(below, chosen, shape, dw, slopes)) /
                             2e-4;
        const auto at = static_cast<int64_t>(i);
        CHECK(std::abs(dlogits.get(at / 6, at % 6) - slope) < 1e-4);
      }
    }
  }
}
