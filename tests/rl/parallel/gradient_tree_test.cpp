#include "rl/parallel/gradient_tree.h"

#include <ATen/ops/zeros.h>

#include <cmath>
#include <limits>
#include <mutex>

#include "rl/parallel/gather.h"
#include "tests/catch.h"
#include "tests/rl/parallel/thread_ranks.h"
#include "tests/rl/vectors.h"

using namespace gradus;
using namespace gradus::rl;

namespace {

/// The gradient of a leaf: values over seven decades, so that every order of sums has bits of its
/// own.
void add_leaf_to(std::vector<policy::Parameter>& parameters, int64_t leaf) {
  int64_t n = 0;
  for (auto& parameter : parameters) {
    float* out = parameter.grad.mutable_data_ptr<float>();
    for (int64_t i = 0; i < parameter.grad.numel(); ++i, ++n)
      out[i] += static_cast<float>(std::sin(1.0 + static_cast<double>(leaf * 7919 + n)) *
                                   std::pow(10.0, static_cast<double>((leaf * 13 + n) % 7) - 3.0));
  }
}

std::vector<policy::Parameter> two_parameters() {
  return {{"a", at::zeros({3, 5}), at::zeros({3, 5})}, {"b", at::zeros({11}), at::zeros({11})}};
}

std::vector<double> summed(std::vector<policy::Parameter>& parameters, int64_t leaves,
                           Communicator& ranks, GradientReduction reduction) {
  const auto sum = make_gradient_sum(reduction, parameters, leaves, ranks);
  for (int64_t leaf = sum->own().begin; leaf < sum->own().end; ++leaf) {
    add_leaf_to(parameters, leaf);
    sum->end_leaf();
  }
  sum->sum();
  auto values = values_of(parameters[0].grad.view({-1}));
  for (const double value : values_of(parameters[1].grad)) values.push_back(value);
  return values;
}

std::vector<double> summed_alone(int64_t leaves,
                                 GradientReduction reduction = GradientReduction::tree) {
  auto parameters = two_parameters();
  const auto one = alone();
  return summed(parameters, leaves, *one, reduction);
}

}  // namespace

TEST_CASE("a node of the tree is split at the largest power of two below its size",
          "[rl][parallel]") {
  CHECK(split_of({0, 2}) == 1);
  CHECK(split_of({0, 13}) == 8);
  CHECK(split_of({8, 13}) == 12);
  CHECK(split_of({0, 8}) == 4);
  CHECK(are_halves(13, {0, 8}, {8, 13}));
  CHECK(are_halves(13, {8, 12}, {12, 13}));
  CHECK_FALSE(are_halves(13, {4, 8}, {8, 12}));
  CHECK_FALSE(are_halves(13, {1, 2}, {2, 3}));
  CHECK((nodes_within(13, {0, 13}) == std::vector<LeafRange>{{0, 13}}));
  CHECK((nodes_within(13, {3, 9}) == std::vector<LeafRange>{{3, 4}, {4, 8}, {8, 9}}));
  CHECK(nodes_within(13, {5, 5}).empty());
}

TEST_CASE("one leaf is the sum in place, whose bits a run of one process always had",
          "[rl][parallel]") {
  auto parameters = two_parameters();
  add_leaf_to(parameters, 0);
  auto expected = values_of(parameters[0].grad.view({-1}));
  for (const double value : values_of(parameters[1].grad)) expected.push_back(value);
  CHECK(summed_alone(1) == expected);
}

TEST_CASE("gradients have the same bits for every number of ranks", "[rl][parallel]") {
  const auto reduction = GENERATE(GradientReduction::tree, GradientReduction::exact);
  for (const int64_t leaves : {1, 2, 3, 4, 7, 13}) {
    const auto expected = summed_alone(leaves, reduction);
    for (int size = 2; size <= 13; ++size) {
      ThreadRanks ranks(size);
      std::mutex mutex;
      int num_equal = 0;
      ranks.run([&](Communicator& own) {
        auto parameters = two_parameters();
        const auto values = summed(parameters, leaves, own, reduction);
        const std::lock_guard lock(mutex);
        num_equal += values == expected ? 1 : 0;
      });
      INFO(leaves << " leaves, " << size << " ranks");
      CHECK(num_equal == size);
    }
  }
}

TEST_CASE("another number of leaves is another order of sums", "[rl][parallel]") {
  CHECK(summed_alone(13) != summed_alone(12));
}

TEST_CASE("the exact sum is the sum in double, rounded once", "[rl][parallel]") {
  std::vector<double> expected(26, 0.0);
  for (int64_t leaf = 0; leaf < 13; ++leaf) {
    auto parameters = two_parameters();
    add_leaf_to(parameters, leaf);
    auto values = values_of(parameters[0].grad.view({-1}));
    for (const double value : values_of(parameters[1].grad)) values.push_back(value);
    for (size_t i = 0; i < values.size(); ++i) expected[i] += values[i];
  }
  for (double& value : expected) value = static_cast<double>(static_cast<float>(value));
  CHECK(summed_alone(13, GradientReduction::exact) == expected);
}

TEST_CASE("an exact sum says what it can't hold", "[rl][parallel]") {
  for (const float value : {std::numeric_limits<float>::infinity(), -1e9F}) {
    auto parameters = two_parameters();
    const auto one = alone();
    const auto sum = make_gradient_sum(GradientReduction::exact, parameters, 1, *one);
    parameters[1].grad.mutable_data_ptr<float>()[4] = value;
    sum->end_leaf();
    sum->sum();
    CHECK(std::isnan(values_of(parameters[1].grad)[0]));
    CHECK(values_of(parameters[0].grad.view({-1}))[0] == 0.0);
  }
}

TEST_CASE("ranks tell each other texts of any length", "[rl][parallel]") {
  ThreadRanks ranks(3);
  std::mutex mutex;
  int num_right = 0;
  ranks.run([&](Communicator& own) {
    const std::string text(static_cast<size_t>(own.rank()) * 5, 'x');
    const auto all = gather_texts(own, text);
    const bool is_right = all == std::vector<std::string>{"", "xxxxx", "xxxxxxxxxx"} &&
                          text_of_first(own, own.rank() == 0 ? "first" : "other") == "first" &&
                          any_rank(own, own.rank() == 2) && !any_rank(own, false) &&
                          !first_rank_says(own, own.rank() != 0);
    const std::lock_guard lock(mutex);
    num_right += is_right ? 1 : 0;
  });
  CHECK(num_right == 3);
}
