#include "policy/batch/layer_trace.h"

#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <filesystem>
#include <map>

#include "policy/ops/routing.h"
#include "tests/catch.h"
#include "tests/policy/parity_fixture.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

/// Fixtures that say what their layers pass on.
std::vector<ParityFixture> fixtures() {
  std::map<std::string, ParityFixture> found;
  for (const auto& root : tests::fixtures("parity")) {
    for (const auto& entry : std::filesystem::directory_iterator(root)) {
      if (!std::filesystem::exists(entry.path() / "expected.safetensors")) continue;
      const ParityFixture fixture(entry.path());
      if (fixture.has("hidden.0")) found.emplace(fixture.name(), fixture);
    }
  }
  std::vector<ParityFixture> all;
  for (const auto& [name, fixture] : found) all.push_back(fixture);
  return all;
}

/// A row's weights ordered by its experts.
std::vector<float> by_expert(const at::Tensor& indices, const at::Tensor& weights, int64_t row) {
  const int64_t K = indices.size(1);
  std::vector<std::pair<int64_t, float>> pairs;
  for (int64_t k = 0; k < K; ++k) {
    pairs.emplace_back(indices.const_data_ptr<int64_t>()[row * K + k],
                       weights.const_data_ptr<float>()[row * K + k]);
  }
  std::ranges::sort(pairs);
  std::vector<float> sorted;
  for (const auto& [expert, weight] : pairs) sorted.push_back(weight);
  return sorted;
}

void check_router_weights(const ParityFixture& fixture, const ModelConfig& model,
                          const RoutingPass& routing) {
  int64_t mixture = 0;
  for (int64_t l = 0; l < model.num_layers; ++l) {
    if (model.layers[static_cast<size_t>(l)].ffn != FfnKind::mixture_of_experts) continue;
    const std::string name = "router." + std::to_string(l);
    const auto indices = fixture.expected(name + ".indices");
    const auto weights = fixture.expected(name + ".weights");
    const ExpertChoices& choices = routing.choices;
    REQUIRE(choices.num_rows() == indices.size(0));
    for (int64_t t = 0; t < choices.num_rows(); ++t) {
      const auto wanted = by_expert(indices, weights, t);
      for (int64_t k = 0; k < choices.per_token; ++k) {
        const auto place = t * choices.row_size() + mixture * choices.per_token + k;
        CHECK(routing.weights[static_cast<size_t>(place)] ==
              Approx(wanted[static_cast<size_t>(k)]).margin(1e-4));
      }
    }
    ++mixture;
  }
  CHECK(mixture == routing.choices.layers);
}

}  // namespace

TEST_CASE("what layers pass on and what routers weigh equals transformers'", "[policy][parity]") {
  ThreadTeam team(2);
  const auto all = fixtures();
  REQUIRE(all.size() >= 13);
  for (const ParityFixture& fixture : all) {
    for (const Compute compute : {Compute::native, Compute::reference}) {
      INFO(fixture.name() << (compute == Compute::native ? ", native" : ", reference"));
      const auto policy = fixture.load(team, compute, Precision::float32, Purpose::inference);
      auto packed = fixture.pack();
      LayerTrace trace;
      RoutingPass routing;
      routing.keeps_choices = routing.keeps_weights = true;
      packed.batch.trace = &trace;
      packed.batch.routing = &routing;
      const at::NoGradGuard no_grad;
      policy->forward(packed.batch, team);
      const auto& model = policy->model_config();
      REQUIRE(std::ssize(trace.hidden) == model.num_layers + 1);
      for (size_t n = 0; n < trace.hidden.size(); ++n) {
        const auto wanted = fixture.expected("hidden." + std::to_string(n));
        double largest = 0;
        for (size_t b = 0; b < packed.row_of.size(); ++b) {
          for (size_t t = 0; t < packed.row_of[b].size(); ++t) {
            const int64_t row = packed.row_of[b][t];
            if (row < 0) continue;
            const auto difference =
                trace.hidden[n][row] - wanted[static_cast<int64_t>(b)][static_cast<int64_t>(t)];
            largest = std::max(largest, difference.abs().max().item<double>());
          }
        }
        CAPTURE(n);
        CHECK(largest < 1e-4);
      }
      if (num_mixture_layers(model) > 0) check_router_weights(fixture, model, routing);
    }
  }
}
