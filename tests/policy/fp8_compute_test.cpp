#include <ATen/Functions.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <map>
#include <numeric>

#include "base/error.h"
#include "policy/ops/device/fp8_product.h"
#include "policy/ops/rounding.h"
#include "tests/catch.h"
#include "tests/policy/parity_fixture.h"
#include "tests/policy/tiny_latent_model.h"
#include "tests/support/skip.h"

using namespace gradus;          // NOLINT(google-build-using-namespace): a test of this room
using namespace gradus::policy;  // NOLINT(google-build-using-namespace): a test of this room

namespace {

double largest(const at::Tensor& difference) {
  return difference.abs().max().item<double>();
}

std::unique_ptr<Policy> load(const ParityFixture& fixture, Compute compute, Fp8Mode fp8,
                             ThreadTeam& team, RolloutWeights rollout = RolloutWeights::compute,
                             Precision precision = Precision::float32,
                             Purpose purpose = Purpose::training) {
  PolicyConfig config;
  config.path = fixture.dir().string();
  config.compute = compute;
  config.precision = precision;
  config.fp8 = fp8;
  config.rollout_weights = rollout;
  return Policy::load(config, purpose, team);
}

std::vector<int64_t> rows_of(const Segment& segment) {
  std::vector<int64_t> rows(static_cast<size_t>(segment.length));
  std::iota(rows.begin(), rows.end(), segment.begin);
  return rows;
}

at::Tensor forward_logits(const Policy& policy, const PackedBatch& batch, ThreadTeam& team) {
  at::NoGradGuard no_grad;
  return policy.logits(policy.forward(batch, team), rows_of(batch.segments[0]), team);
}

/// Of the first segment, token by token.
at::Tensor decoded_logits(const Policy& policy, const PackedBatch& batch, ThreadTeam& team) {
  KvCache cache(policy.model_config(), policy.compute_dtype(), policy.device(), 16);
  std::vector<int32_t> table(16);
  std::iota(table.begin(), table.end(), 0);
  std::vector<at::Tensor> parts;
  for (int64_t i = 0; i < batch.segments[0].length; ++i) {
    DecodeBatch rows;
    rows.block_tables = {table};
    rows.tokens = {batch.tokens[static_cast<size_t>(i)]};
    rows.places = {static_cast<int32_t>(i)};
    rows.sequences = {0};
    rows.logit_rows = {0};
    parts.push_back(policy.decode(rows, cache, team));
  }
  return at::cat(parts);
}

std::map<std::string, at::Tensor> gradients(Policy& policy, const PackedBatch& batch,
                                            ThreadTeam& team) {
  ScoreList list;
  for (int64_t t = 0; t + 1 < batch.segments[0].length; ++t) {
    list.rows.push_back(t);
    list.targets.push_back(batch.tokens[static_cast<size_t>(t + 1)]);
  }
  torch::autograd::backward(
      {policy.score(policy.forward(batch, team), list, 1.0, team).logprobs.mean()}, {});
  std::map<std::string, at::Tensor> result;
  for (const auto& parameter : policy.parameters()) result[parameter.name] = parameter.grad;
  return result;
}

const char* const kFixture = "qwen3_qknorm";

}  // namespace

TEST_CASE("products on FP8 units equal those of rounded values", "[policy][fp8]") {
  ThreadTeam team(2);
  at::manual_seed(3);
  const auto x = at::randn({5, 300}) * at::exp(at::randn({5, 300}));
  const auto w = at::randn({200, 300});
  try {
    check_fp8_products(at::kCPU);
  } catch (const ConfigError&) {
    tests::skip("no FP8 units");
    return;
  }
  Weight weight;
  weight.rounding = Rounding::fp8;
  const auto expected = at::linear(fp8_rows(x, team), rounded_value(weight, w, team));
  const auto product = fp8_product(to_fp8(x, 1), to_fp8(w, 128));
  CHECK(product.sizes() == expected.sizes());
  CHECK(largest(product - expected) < 1e-4 * largest(expected));
  // Down the columns: a weight's gradient.
  const auto dy = at::randn({5, 200});
  const auto gradient = at::matmul(fp8_columns(dy, team).t(), fp8_columns(x, team));
  CHECK(largest(fp8_product(to_fp8(dy.t(), 1), to_fp8(x.t(), 1)) - gradient) <
        1e-4 * largest(gradient));
}

TEST_CASE("FP8 arithmetic is near float32's, and the same in both computes", "[policy][fp8]") {
  const ParityFixture fixture(kFixture);
  ThreadTeam team(2);
  const auto batch = fixture.pack().batch;
  const auto exact =
      forward_logits(*load(fixture, Compute::native, Fp8Mode::off, team), batch, team);
  const auto native_policy = load(fixture, Compute::native, Fp8Mode::simulated, team);
  const auto reference_policy = load(fixture, Compute::reference, Fp8Mode::simulated, team);
  const auto native = forward_logits(*native_policy, batch, team);
  const auto reference = forward_logits(*reference_policy, batch, team);
  const double size = largest(exact);
  CHECK(largest(native - exact) > 1e-4 * size);
  CHECK(largest(native - exact) < 0.2 * size);
  // Sums of other orders may round a value to the neighbouring code.
  CHECK((native - reference).abs().mean().item<double>() < 1e-3 * size);
  const auto wanted = gradients(*reference_policy, batch, team);
  const auto plain_policy = load(fixture, Compute::native, Fp8Mode::off, team);
  const auto plain = gradients(*plain_policy, batch, team);
  for (const auto& [name, gradient] : gradients(*native_policy, batch, team)) {
    INFO(name);
    const auto size_of = [](const at::Tensor& t) { return t.norm().item<double>(); };
    const double noise = size_of(gradient - plain.at(name));
    CHECK(noise < 0.3 * size_of(plain.at(name)));
    // A sum of another order may round to a neighbouring code here and there.
    CHECK(size_of(gradient - wanted.at(name)) < 0.5 * noise);
  }
}

TEST_CASE("real FP8 products give what simulated ones do", "[policy][fp8]") {
  const ParityFixture fixture(kFixture);
  ThreadTeam team(2);
  CHECK_THROWS_AS(load(fixture, Compute::native, Fp8Mode::real, team), ConfigError);
  std::unique_ptr<Policy> real;
  try {
    real = load(fixture, Compute::reference, Fp8Mode::real, team);
  } catch (const ConfigError& error) {
    CHECK(std::string(error.what()).find("model.fp8") != std::string::npos);
    tests::skip("no FP8 units");
    return;
  }
  const auto simulated = load(fixture, Compute::reference, Fp8Mode::simulated, team);
  const auto batch = fixture.pack().batch;
  const auto expected = forward_logits(*simulated, batch, team);
  const auto logits = forward_logits(*real, batch, team);
  CHECK((logits - expected).abs().mean().item<double>() < 1e-3 * largest(expected));
  const auto wanted = gradients(*simulated, batch, team);
  for (const auto& [name, gradient] : gradients(*real, batch, team)) {
    INFO(name);
    CHECK((gradient - wanted.at(name)).abs().mean().item<double>() <
          1e-2 * largest(wanted.at(name)));
  }
}

TEST_CASE("the sampler's FP8 values are the trainer's, bit for bit", "[policy][fp8][exact]") {
  const ParityFixture fixture(kFixture);
  ThreadTeam team(2);
  ThreadTeam alone(1);
  const auto batch = fixture.pack().batch;
  for (const Precision precision : {Precision::float32, Precision::bfloat16}) {
    const auto policy = load(fixture, Compute::native, Fp8Mode::simulated, team,
                             RolloutWeights::compute, precision);
    CHECK(at::equal(decoded_logits(*policy, batch, alone), forward_logits(*policy, batch, team)));
    const auto separate =
        load(fixture, Compute::native, Fp8Mode::simulated, team, RolloutWeights::fp8, precision);
    CHECK(at::equal(decoded_logits(*separate, batch, alone), forward_logits(*policy, batch, team)));
  }
}

TEST_CASE("rollout weights of 8 bits sample alone and follow each update", "[policy][fp8]") {
  const ParityFixture fixture(kFixture);
  ThreadTeam team(2);
  const auto batch = fixture.pack().batch;
  for (const Compute compute : {Compute::native, Compute::reference}) {
    const auto plain = load(fixture, compute, Fp8Mode::off, team);
    const auto exact = forward_logits(*plain, batch, team);
    for (const RolloutWeights kind : {RolloutWeights::fp8, RolloutWeights::int8}) {
      const auto policy = load(fixture, compute, Fp8Mode::off, team, kind);
      CHECK(at::equal(forward_logits(*policy, batch, team), exact));
      const auto sampled = decoded_logits(*policy, batch, team);
      const double difference = largest(sampled - exact);
      INFO("difference " << difference << " of " << largest(exact));
      CHECK(difference > 1e-5);
      CHECK(difference < 0.2 * largest(exact));
      // Every tensor moves: matrices, norms and embedding.
      at::NoGradGuard no_grad;
      for (const auto& model : {policy.get(), plain.get()}) {
        for (auto& parameter : model->parameters()) parameter.value.mul_(1.03125);
        model->publish_weights(team);
      }
      const auto moved = forward_logits(*plain, batch, team);
      CHECK(largest(moved - exact) > 1e-3);
      CHECK(largest(decoded_logits(*policy, batch, team) - moved) < 0.2 * largest(moved));
      CHECK_FALSE(at::equal(decoded_logits(*policy, batch, team), sampled));
      for (const auto& model : {policy.get(), plain.get()}) {
        for (auto& parameter : model->parameters()) parameter.value.div_(1.03125);
        model->publish_weights(team);
      }
    }
  }
}

TEST_CASE("latent attention in FP8 decodes what it trains, exactly where its cache is expanded",
          "[policy][fp8][exact]") {
  ThreadTeam team(2);
  const auto batch = packed_of({tiny_tokens(24, 61, 1)});
  const auto make = [&](Fp8Mode fp8, LatentCache cache) {
    PolicyConfig config;
    config.fp8 = fp8;
    config.latent_cache = cache;
    return tiny_latent_policy(config, tiny_latent_config(), team);
  };
  const auto exact = forward_logits(*make(Fp8Mode::off, LatentCache::absorbed), batch, team);
  const auto expanded = make(Fp8Mode::simulated, LatentCache::expanded);
  const auto trained = forward_logits(*expanded, batch, team);
  CHECK(at::equal(decoded_logits(*expanded, batch, team), trained));
  const auto absorbed = make(Fp8Mode::simulated, LatentCache::absorbed);
  const double noise = (trained - exact).norm().item<double>();
  CHECK(noise > 1e-3 * exact.norm().item<double>());
  CHECK((decoded_logits(*absorbed, batch, team) - trained).norm().item<double>() < 0.5 * noise);
}
